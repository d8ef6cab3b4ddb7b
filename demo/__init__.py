"""One invented population and what runs the scenarios on it. Nobody in it exists."""
