"""A simulated Franka that the real libfranka connects to: franka-sim, in an environment of its own.

It serves the robot's own protocol (server version 10) and its gripper's on a loopback address of its own, so
several can run at once although libfranka's ports are fixed. `environment` installs it, `launch` runs it,
`serve` is the program that runs inside.
"""
