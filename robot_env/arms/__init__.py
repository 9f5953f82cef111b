"""Arms by name; each is imported only when chosen."""

ARMS = {
    "mujoco": "robot_env.arms.mujoco:MujocoArmConfig",
    "point": "robot_env.arms.point:PointArmConfig",
}
