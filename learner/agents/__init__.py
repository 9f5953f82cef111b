"""Agents: algorithms as pure functions between states. Add one: a module here and a line in `AGENTS`."""

from importlib import import_module
from typing import Any

from shared.errors import ConfigError

AGENTS = {"sac": "learner.agents.sac:SAC"}
"""Agents by name, as "module:class"; imported when chosen."""


def agent_class(name: str) -> Any:
    """The class behind a name in `AGENTS`; called with (config, interface)."""
    if name not in AGENTS:
        raise ConfigError("agent", f"there is no agent {name!r}", f"choose one of {', '.join(AGENTS)}")
    module, attribute = AGENTS[name].split(":")
    return getattr(import_module(module), attribute)
