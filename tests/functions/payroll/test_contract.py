"""The platform's whole expectation of the plugin payroll."""

from core.testing import PluginContract
from plugins import payroll


class TestPayroll(PluginContract):
    plugin = payroll
    examples = {
        "payroll.pay_component": {"code": "EXAMPLE"},
        "payroll.variable_input": {"amount": "10.00"},
    }
