"""Evaluation: which starts, how each is played, what is kept of it, and how two policies compare."""
