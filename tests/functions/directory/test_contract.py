"""The platform's whole expectation of the plugin directory."""

from core.testing import PluginContract
from plugins import directory


class TestDirectory(PluginContract):
    plugin = directory
