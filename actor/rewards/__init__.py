"""What decides the reward of a step and whether the episode ends: the seam between environment and recorder.

`environment` takes the task's word for it, `operator` a person's, `classifier` goes by what cameras show;
`nothing` leaves it to the learner, as VICE does. The table holds strings, resolved on use, so that a network
is imported only where it is chosen.
"""

REWARDS = {
    "environment": "actor.rewards.environment:EnvironmentReward",
    "operator": "actor.rewards.by_operator:OperatorReward",
    "classifier": "actor.rewards.classifier:ClassifierReward",
    "nothing": "actor.rewards.nothing:NoReward",
}
