"""The platform's whole expectation of the plugin facilities."""

from core.testing import PluginContract
from plugins import facilities


class TestFacilities(PluginContract):
    plugin = facilities
    examples = {
        "facilities.booking_series": {"rule": "FREQ=WEEKLY;COUNT=2", "minutes": 60},
        "facilities.cleaning_plan": {"rule": "FREQ=WEEKLY;BYDAY=MO"},
        "facilities.maintenance_schedule": {"location": lambda app: app.any("facilities.location")},
        "facilities.blackout": {"location": lambda app: app.any("facilities.location")},
    }
