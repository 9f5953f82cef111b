"""Scripts by the name of the task that they solve; each is imported only when chosen."""

SCRIPTS = {
    "reach": "robot_env.teleop.scripts.reach:reach",
    "pick_cube": "robot_env.teleop.scripts.pick_cube:pick_cube",
    "pick_cube_dense": "robot_env.teleop.scripts.pick_cube:pick_cube",
    "peg_insert": "robot_env.teleop.scripts.peg_insert:peg_insert",
    "relocate": "robot_env.teleop.scripts.relocate:relocate",
    "relocate_forward": "robot_env.teleop.scripts.relocate:relocate",
    "relocate_back": "robot_env.teleop.scripts.relocate:relocate",
    "reach_vision": "robot_env.teleop.scripts.reach:reach",
    "pick_cube_vision": "robot_env.teleop.scripts.pick_cube:pick_cube",
    "peg_insert_vision": "robot_env.teleop.scripts.peg_insert:peg_insert",
    "relocate_vision": "robot_env.teleop.scripts.relocate:relocate",
    "peg_insert_real": "robot_env.teleop.scripts.at_the_bench:to_target",
    "pick_cube_real": "robot_env.teleop.scripts.at_the_bench:to_target",
    "relocate_real": "robot_env.teleop.scripts.at_the_bench:to_target",
    "relocate_back_real": "robot_env.teleop.scripts.at_the_bench:to_target",
    "cable_route": "robot_env.teleop.scripts.at_the_bench:to_target",
}
