"""Drivers of the robot server by name; each is imported only when chosen."""

DRIVERS = {
    "fr3": "robot_env.server.drivers.fr3:FR3DriverConfig",
    "panda": "robot_env.server.drivers.panda:PandaDriverConfig",
    "simulated": "robot_env.server.drivers.simulated:SimulatedDriverConfig",
    "faulty": "robot_env.server.drivers.faulty:FaultyDriverConfig",
}

HANDS = {
    "fr3": "robot_env.server.drivers.fr3_hand:FR3HandConfig",
    "panda": "robot_env.server.drivers.panda_hand:PandaHandConfig",
    "robotiq": "robot_env.server.drivers.robotiq:RobotiqHandConfig",
    "simulated": "robot_env.server.drivers.simulated:SimulatedHandConfig",
}
