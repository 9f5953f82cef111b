"""Teleop devices by name; each is imported only when chosen."""

TELEOP = {
    "script": "robot_env.teleop.script:ScriptConfig",
    "simulated_human": "robot_env.teleop.simulated_human:SimulatedHumanConfig",
    "keyboard": "robot_env.teleop.keyboard:KeyboardConfig",
    "spacemouse": "robot_env.teleop.spacemouse:SpaceMouseConfig",
    "gamepad": "robot_env.teleop.gamepad:GamepadConfig",
}
