"""The person beside the robot: keys without prompts, a line that says what goes on, sounds."""
