"""The environment: a task on an arm with a gripper and cameras, stepped at a fixed rate."""
