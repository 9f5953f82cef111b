"""The ground floor: what the learner and the actor must agree on. Imports nothing of the other packages."""
