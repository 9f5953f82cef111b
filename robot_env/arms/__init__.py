"""Arms by name; each is imported only when chosen."""

ARMS = {
    "franka": "robot_env.arms.franka:FrankaArmConfig",
    "mujoco": "robot_env.arms.mujoco:MujocoArmConfig",
    "mujoco_xarm7": "robot_env.arms.mujoco_xarm7:MujocoXArm7Config",
    "point": "robot_env.arms.point:PointArmConfig",
    "serl_http": "robot_env.arms.serl_http:SerlHttpArmConfig",
}
