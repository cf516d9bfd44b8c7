"""For authors of plugins: fixtures and the contract that every plugin is held to."""

from core.testing.contract import PluginContract
from core.testing.world import World

__all__ = ["PluginContract", "World"]
