"""Cameras by name; each is imported only when chosen."""

CAMERAS = {
    "front": "robot_env.cameras.mujoco:MujocoCameraConfig",
    "wrist": "robot_env.cameras.mujoco:WristCameraConfig",
    "opencv": "robot_env.cameras.opencv:OpenCvCameraConfig",
    "software": "robot_env.cameras.software:SoftwareCameraConfig",
    "realsense": "robot_env.cameras.realsense:RealSenseCameraConfig",
    "pattern": "robot_env.cameras.pattern:PatternCameraConfig",
}
