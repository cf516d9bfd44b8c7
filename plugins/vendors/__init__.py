"""Vendors: suppliers that may be used, are paid at the right account, and are watched."""
