"""What a vendor may be used for: orders, receipts and payments (VE-R01)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Action = Literal["order", "receipt", "payment"]

ORDERS = ("orders", "all")
PAYMENTS = ("payments", "all")


def refusal(vendor: Mapping[str, Any], action: Action) -> str:
    """Why ``vendor`` may not be used for ``action``, in a sentence; empty when it may.

    Goods that are already on the way are always received. Other functions ask here before they order or pay.
    """
    name = vendor["code"]
    if action == "order":
        if vendor["state"] != "active":
            return f"{name} is not an active vendor: nothing can be ordered there."
        if vendor["block"] in ORDERS:
            return f"{name} is blocked for orders: {vendor.get('block_reason') or 'ask the vendor manager why'}"
    if action == "payment" and (vendor["block"] in PAYMENTS or vendor["state"] == "blocked"):
        return f"{name} is blocked for payments: {vendor.get('block_reason') or 'ask the vendor manager why'}"
    return ""
