"""Measurements against a hand-written program that shows the same rows: ``python -m tests.bench``."""
