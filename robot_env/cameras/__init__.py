"""Cameras by name; each is imported only when chosen."""

CAMERAS = {"pattern": "robot_env.cameras.pattern:PatternCameraConfig"}
