"""The robot server: the one process that owns the arm."""
