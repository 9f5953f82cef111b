"""How a person operates an acting process."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OperatorConfig:
    """Keys, sounds, and whom the robot waits for."""

    hotkeys: bool = True
    """Listen to keys where standard input is a terminal: press ? for what they do."""
    wait_for_scene: bool = False
    """After each reset hold the arm until the key r says that the scene is ready."""
    sound: bool = True
    """Ring the terminal's bell, and play a tone where the host has paplay or aplay."""
