"""Tasks by name; each is imported only when chosen."""

TASKS = {
    "reach": "robot_env.tasks.reach:Reach",
    "pick_cube": "robot_env.tasks.pick_cube:PickCube",
    "pick_cube_dense": "robot_env.tasks.pick_cube:PickCubeDense",
    "peg_insert": "robot_env.tasks.peg_insert:PegInsert",
    "relocate": "robot_env.tasks.relocate:Relocate",
    "relocate_forward": "robot_env.tasks.relocate:RelocateForward",
    "relocate_back": "robot_env.tasks.relocate:RelocateBack",
    "reach_vision": "robot_env.tasks.reach:ReachVision",
    "pick_cube_vision": "robot_env.tasks.pick_cube:PickCubeVision",
    "peg_insert_vision": "robot_env.tasks.peg_insert:PegInsertVision",
    "relocate_vision": "robot_env.tasks.relocate:RelocateVision",
    "peg_insert_real": "robot_env.tasks.at_the_bench:PegInsertReal",
    "pick_cube_real": "robot_env.tasks.at_the_bench:PickCubeReal",
    "relocate_real": "robot_env.tasks.at_the_bench:RelocateReal",
    "relocate_back_real": "robot_env.tasks.at_the_bench:RelocateBackReal",
    "cable_route": "robot_env.tasks.at_the_bench:CableRoute",
}
