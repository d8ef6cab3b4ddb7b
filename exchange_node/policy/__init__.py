"""Facts in, decisions out: questions put to Rego under a signed agreement, by either of two engines."""
