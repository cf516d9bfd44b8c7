"""The platform's whole expectation of the plugin payroll."""

from core.testing import PluginContract
from plugins import payroll


class TestPayroll(PluginContract):
    plugin = payroll
