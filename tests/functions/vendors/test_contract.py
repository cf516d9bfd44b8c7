"""The platform's whole expectation of the plugin vendors."""

from core.testing import PluginContract
from plugins import vendors


class TestVendors(PluginContract):
    plugin = vendors
