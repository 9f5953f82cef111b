"""Joining a learner of SERL or HIL-SERL: what an actor of theirs would do, without losing what it made."""
