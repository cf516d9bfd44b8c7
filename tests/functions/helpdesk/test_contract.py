"""The platform's whole expectation of the plugin helpdesk."""

from core.testing import PluginContract
from plugins import helpdesk


class TestHelpdesk(PluginContract):
    plugin = helpdesk
