"""The platform's whole expectation of the plugin facilities."""

from core.testing import PluginContract
from plugins import facilities


class TestFacilities(PluginContract):
    plugin = facilities
