"""The verbs: what a person or a program can do, each in one place, for every door."""
