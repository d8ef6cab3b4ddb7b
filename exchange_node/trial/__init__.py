"""The proof of concept in a day: two files of an agency's own, linked on one machine. No node is needed."""
