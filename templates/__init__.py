"""Templates and static files of the screens."""
