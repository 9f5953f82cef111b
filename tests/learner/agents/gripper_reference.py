"""One update of a gripper's critics in NumPy, written for reading: gradients by hand, in float64."""

from dataclasses import dataclass

import numpy as np

from tests.learner.agents.reference import Adam, Array, Backward, Tree, dense, map_tree, torso


def values(p: Tree, observation: Array) -> tuple[Array, Backward]:
    """Q (N, C) of one member: the state's value, and by how much each choice differs from the mean."""
    hidden, back_torso = torso(p["torso"], observation)
    value, back_value = dense(p["value"], hidden)
    advantage, back_advantage = dense(p["advantage"], hidden)

    def backward(g: Array) -> tuple[Array, Tree]:
        through_value, of_value = back_value(g.sum(-1, keepdims=True))
        through_advantage, of_advantage = back_advantage(g - g.mean(-1, keepdims=True))
        below, of_torso = back_torso(through_value + through_advantage)
        return below, {"torso": of_torso, "value": of_value, "advantage": of_advantage}

    return value + advantage - advantage.mean(-1, keepdims=True), backward


@dataclass
class GripperReference:
    """Members, their targets and the optimiser; a choice is worth the minimum over members."""

    critics: list[Tree]
    targets: list[Tree]
    optimise: Adam
    tau: float
    margin: float
    cloning: float

    def update(self, rows: dict[str, Array]) -> None:
        """One gradient step on rows, then the targets'."""
        here = np.arange(len(rows["reward"]))
        online = np.min([values(p, rows["next_observation"])[0] for p in self.critics], axis=0)
        slow = np.min([values(p, rows["next_observation"])[0] for p in self.targets], axis=0)
        y = rows["reward"] + rows["gripper_reward"] + rows["discount"] * slow[here, online.argmax(-1)]
        counted = rows["imitate"] * np.where(rows["intervention"] > 0, 3.0, 1.0)
        gradients = {}
        for member, p in enumerate(self.critics):
            q, backward = values(p, rows["observation"])
            told = np.eye(q.shape[-1])[rows["choice"]]
            error = 2 * (q - y[:, None]) * told / (len(y) * len(self.critics))
            likely = np.exp(q / self.margin)
            likely /= likely.sum(-1, keepdims=True)
            share = counted[:, None] / max(counted.sum(), 1.0) / len(self.critics)
            gradients[member] = backward(error + self.cloning * share * (likely - told))[1]
        moved = self.optimise.step(dict(enumerate(self.critics)), gradients)
        self.critics = [moved[member] for member in range(len(self.critics))]
        self.targets = [
            map_tree(lambda new, old: self.tau * new + (1 - self.tau) * old, p, t)
            for p, t in zip(self.critics, self.targets, strict=True)
        ]
