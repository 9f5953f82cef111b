"""Grippers by name; each is imported only when chosen."""

GRIPPERS = {
    "franka": "robot_env.grippers.franka:FrankaGripperConfig",
    "mujoco": "robot_env.grippers.mujoco:MujocoGripperConfig",
    "mujoco_xarm7": "robot_env.grippers.mujoco:MujocoGripperConfig",
    "point": "robot_env.grippers.point:PointGripperConfig",
    "serl_http": "robot_env.grippers.serl_http:SerlHttpGripperConfig",
}
