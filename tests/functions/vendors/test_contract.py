"""The platform's whole expectation of the plugin vendors."""

from core.testing import PluginContract
from plugins import vendors


class TestVendors(PluginContract):
    plugin = vendors
    examples = {
        "vendors.bank_account": {"iban": "DE89370400440532013000"},
        "vendors.scorecard": {"period": "2026-Q2"},
    }
