"""Teleop devices by name; each is imported only when chosen."""

TELEOP = {
    "script": "robot_env.teleop.script:ScriptConfig",
    "keyboard": "robot_env.teleop.keyboard:KeyboardConfig",
    "spacemouse": "robot_env.teleop.spacemouse:SpaceMouseConfig",
    "gamepad": "robot_env.teleop.gamepad:GamepadConfig",
}
