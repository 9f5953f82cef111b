"""Scripts by the name of the task that they solve; each is imported only when chosen."""

SCRIPTS = {
    "reach": "robot_env.teleop.scripts.reach:reach",
    "pick_cube": "robot_env.teleop.scripts.pick_cube:pick_cube",
    "pick_cube_dense": "robot_env.teleop.scripts.pick_cube:pick_cube",
    "peg_insert": "robot_env.teleop.scripts.peg_insert:peg_insert",
    "reach_vision": "robot_env.teleop.scripts.reach:reach",
    "pick_cube_vision": "robot_env.teleop.scripts.pick_cube:pick_cube",
    "peg_insert_vision": "robot_env.teleop.scripts.peg_insert:peg_insert",
}
