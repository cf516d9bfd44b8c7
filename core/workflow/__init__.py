"""The legal moves of a record: states, transitions, and why a move is refused."""
