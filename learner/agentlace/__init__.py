"""The gateway by which actors of SERL and HIL-SERL join this learner, as they are."""
