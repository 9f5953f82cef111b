"""Grippers by name; each is imported only when chosen."""

GRIPPERS = {
    "mujoco": "robot_env.grippers.mujoco:MujocoGripperConfig",
    "mujoco_xarm7": "robot_env.grippers.mujoco:MujocoGripperConfig",
    "point": "robot_env.grippers.point:PointGripperConfig",
}
