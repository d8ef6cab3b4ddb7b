"""One module for each scenario: who, what, and what is seen."""
