"""Plugins found, generations built and compared, and the loop that calls plugins' hooks."""
