"""Payroll: everybody is paid the right amount, and each figure can be explained."""
