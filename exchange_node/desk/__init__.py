"""What a node does for its own people: analysts, officers and administrators."""
