"""An agency's own register of people: read, standardised, and asked for attributes and facts."""
