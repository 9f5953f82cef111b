"""Teleop devices by name; each is imported only when chosen."""

TELEOP = {"script": "robot_env.teleop.script:ScriptConfig"}
