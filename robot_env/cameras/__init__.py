"""Cameras by name; each is imported only when chosen."""

CAMERAS = {
    "front": "robot_env.cameras.mujoco:MujocoCameraConfig",
    "wrist": "robot_env.cameras.mujoco:WristCameraConfig",
    "pattern": "robot_env.cameras.pattern:PatternCameraConfig",
}
