"""One SAC update in NumPy, written for reading: every gradient by hand, in float64.

A layer is a function that returns its output and its backward function; that one takes the gradient of the
loss with respect to the output, and returns the one with respect to the input and those of the parameters.
Parameters are nested dicts of the names that the real networks use; an ensemble is a list of members.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray
Tree = dict
Backward = Callable[[Array], tuple[Array, Tree]]

EPSILON = 1e-6
ACTION_LIMIT = 1 - 1e-6


def dense(p: Tree, x: Array) -> tuple[Array, Backward]:
    def backward(g: Array) -> tuple[Array, Tree]:
        return g @ p["kernel"].T, {"kernel": x.T @ g, "bias": g.sum(0)}

    return x @ p["kernel"] + p["bias"], backward


def layer_norm(p: Tree, x: Array) -> tuple[Array, Backward]:
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    n = centred / deviation

    def backward(g: Array) -> tuple[Array, Tree]:
        h = g * p["scale"]
        inner = h - h.mean(-1, keepdims=True) - n * (h * n).mean(-1, keepdims=True)
        return inner / deviation, {"scale": (g * n).sum(0), "bias": g.sum(0)}

    return n * p["scale"] + p["bias"], backward


def tanh(x: Array) -> tuple[Array, Callable[[Array], Array]]:
    y = np.tanh(x)
    return y, lambda g: g * (1 - y**2)


def torso(p: Tree, x: Array) -> tuple[Array, Backward]:
    """Dense, LayerNorm, tanh for each hidden layer."""
    steps = []
    for i in range(len(p) // 2):
        x, back_dense = dense(p[f"Dense_{i}"], x)
        x, back_norm = layer_norm(p[f"LayerNorm_{i}"], x)
        x, back_tanh = tanh(x)
        steps.append((i, back_dense, back_norm, back_tanh))

    def backward(g: Array) -> tuple[Array, Tree]:
        grads: Tree = {}
        for i, back_dense, back_norm, back_tanh in reversed(steps):
            g, grads[f"LayerNorm_{i}"] = back_norm(back_tanh(g))
            g, grads[f"Dense_{i}"] = back_dense(g)
        return g, grads

    return x, backward


def critic(p: Tree, observation: Array, action: Array) -> tuple[Array, Backward]:
    """Q (N,) of one member; backward gives the gradient of (observation, action) joined."""
    hidden, back_torso = torso(p["torso"], np.concatenate([observation, action], -1))
    value, back_value = dense(p["value"], hidden)

    def backward(g: Array) -> tuple[Array, Tree]:
        g, grads_value = back_value(g[:, None])
        g, grads_torso = back_torso(g)
        return g, {"torso": grads_torso, "value": grads_value}

    return value[:, 0], backward


@dataclass
class Policy:
    """The tanh-Gaussian for a batch of observations, with what its gradients need."""

    p: Tree
    observation: Array
    mean: Array = field(init=False)
    log_std: Array = field(init=False)

    def __post_init__(self) -> None:
        hidden, self._back_torso = torso(self.p["torso"], self.observation)
        self.mean, self._back_mean = dense(self.p["mean"], hidden)
        self.log_std, self._back_log_std = dense(self.p["log_std"], hidden)

    @property
    def std(self) -> Array:
        return np.exp(self.log_std)

    def draw(self, noise: Array) -> tuple[Array, Array]:
        """Actions and their log density: normal density minus log of the slope of tanh."""
        before = self.mean + self.std * noise
        log_density = -0.5 * noise**2 - self.log_std - 0.5 * math.log(2 * math.pi)
        return np.tanh(before), (log_density - np.log(1 - np.tanh(before) ** 2)).sum(-1)

    def log_prob(self, action: Array) -> Array:
        before = np.arctanh(np.clip(action, -ACTION_LIMIT, ACTION_LIMIT))
        z = (before - self.mean) / self.std
        log_density = -0.5 * z**2 - self.log_std - 0.5 * math.log(2 * math.pi)
        return (log_density - np.log(1 - np.tanh(before) ** 2)).sum(-1)

    def backward(self, by_mean: Array, by_log_std: Array) -> Tree:
        through_mean, grads_mean = self._back_mean(by_mean)
        through_log_std, grads_log_std = self._back_log_std(by_log_std)
        _, grads_torso = self._back_torso(through_mean + through_log_std)
        return {"torso": grads_torso, "mean": grads_mean, "log_std": grads_log_std}


def map_tree(function: Callable[..., Array], *trees: Tree) -> Tree:
    first = trees[0]
    if not isinstance(first, dict):
        return function(*trees)
    return {name: map_tree(function, *(tree[name] for tree in trees)) for name in first}


def leaves(tree: Tree) -> list[Array]:
    return [leaf for child in tree.values() for leaf in leaves(child)] if isinstance(tree, dict) else [tree]


class Adam:
    """Kingma and Ba (2015), with bias correction; the gradient is clipped to a global norm before it."""

    def __init__(self, params: Tree, learning_rate: float, clip_norm: float | None = None) -> None:
        self.learning_rate, self.clip_norm, self.steps = learning_rate, clip_norm, 0
        self.m = map_tree(lambda p: np.zeros_like(p), params)
        self.v = map_tree(lambda p: np.zeros_like(p), params)

    def step(self, params: Tree, gradient: Tree) -> Tree:
        norm = math.sqrt(sum((leaf**2).sum() for leaf in leaves(gradient)))
        if self.clip_norm is not None and norm > self.clip_norm:
            gradient = map_tree(lambda g: g * self.clip_norm / norm, gradient)
        self.steps += 1
        self.m = map_tree(lambda m, g: 0.9 * m + 0.1 * g, self.m, gradient)
        self.v = map_tree(lambda v, g: 0.999 * v + 0.001 * g**2, self.v, gradient)
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps

        def move(p: Array, m: Array, v: Array) -> Array:
            return p - self.learning_rate * (m / first) / (np.sqrt(v / second) + 1e-8)

        return map_tree(move, params, self.m, self.v)


@dataclass
class Reference:
    """The state of an agent with E members, and one call of its update.

    Settings: tau, subset minimum by given members, entropy in the backup, cloning mixed of squared error and
    log-likelihood with a Q-filter and a normalised rest, the policy on all rows of the call.
    """

    policy: Tree
    critics: list[Tree]
    targets: list[Tree]
    multiplier: Array
    optimise_policy: Adam
    optimise_critics: Adam
    optimise_multiplier: Adam
    tau: float
    target_entropy: float
    nll_share: float
    weight: float
    q_floor: float

    @property
    def alpha(self) -> float:
        return math.log1p(math.exp(float(self.multiplier)))

    def update(self, batch: dict[str, Array], next_noise: Array, members: Array, noise: Array) -> None:
        """`batch` (U, B, ...); noise (U, B, A) for next actions; members (U, M); noise (U * B, A)."""
        start = Policy(self.policy, flat(batch["next_observation"]))
        next_action, next_log_prob = start.draw(flat(next_noise))
        next_action = next_action.reshape(next_noise.shape)
        entropy = (-self.alpha * next_log_prob).reshape(batch["reward"].shape)
        data_q = []
        for u in range(len(members)):
            rows = {name: array[u] for name, array in batch.items()}
            data_q.append(self.update_critics(rows, next_action[u], entropy[u], members[u]))
        self.update_policy({n: flat(a) for n, a in batch.items()}, np.concatenate(data_q), noise)

    def update_critics(
        self, rows: dict[str, Array], next_action: Array, entropy: Array, members: Array
    ) -> Array:
        """One gradient step, then the targets'. Returns the members' mean Q before it."""
        next_q = [critic(self.targets[e], rows["next_observation"], next_action)[0] for e in members]
        y = rows["reward"] + rows["discount"] * (np.min(next_q, axis=0) + entropy)
        values, gradients = [], {}
        for e, p in enumerate(self.critics):
            q, backward = critic(p, rows["observation"], rows["action"])
            values.append(q)
            gradients[e] = backward(2 * (q - y) / (len(y) * len(self.critics)))[1]
        moved = self.optimise_critics.step(dict(enumerate(self.critics)), gradients)
        self.critics = [moved[e] for e in range(len(self.critics))]
        self.targets = [
            map_tree(lambda new, old: self.tau * new + (1 - self.tau) * old, p, t)
            for p, t in zip(self.critics, self.targets, strict=True)
        ]
        return np.mean(values, axis=0)

    def update_policy(self, rows: dict[str, Array], data_q: Array, noise: Array) -> None:
        """Descend mean(alpha log pi - mean Q) / scale + weight * cloning error; then alpha."""
        policy = Policy(self.policy, rows["observation"])
        action, log_prob = policy.draw(noise)
        count, width = action.shape
        q, by_action = np.zeros(count), np.zeros_like(action)
        for p in self.critics:
            value, backward = critic(p, rows["observation"], action)
            q += value / len(self.critics)
            by_action += backward(np.full(count, 1 / len(self.critics)))[0][:, -width:]
        scale = max(np.abs(q).mean(), self.q_floor)
        # d log pi / d u = 2 tanh(u), since the slope of tanh is 1 - tanh(u)^2; and u = mean + std * noise.
        by_before = (self.alpha * 2 * action - by_action * (1 - action**2)) / (count * scale)
        by_mean = by_before
        by_log_std = by_before * policy.std * noise - self.alpha / (count * scale)
        clone_mean, clone_log_std = self.cloning(policy, rows, kept=rows["imitate"] * (data_q > q))
        gradient = policy.backward(by_mean + clone_mean, by_log_std + clone_log_std)
        self.policy = self.optimise_policy.step(self.policy, gradient)
        # d softplus(m) / d m = sigmoid(m).
        slope = (-log_prob.mean() - self.target_entropy) / (1 + math.exp(-float(self.multiplier)))
        self.multiplier = self.optimise_multiplier.step(self.multiplier, np.asarray(slope))

    def cloning(self, policy: Policy, rows: dict[str, Array], kept: Array) -> tuple[Array, Array]:
        """Gradients by mean and log std of the weighted cloning error, averaged over kept rows."""
        each = self.weight * kept[:, None] / max(kept.sum(), 1)
        mode = np.tanh(policy.mean)
        by_mean = (1 - self.nll_share) * 2 * (mode - rows["action"]) * (1 - mode**2)
        z = (np.arctanh(np.clip(rows["action"], -ACTION_LIMIT, ACTION_LIMIT)) - policy.mean) / policy.std
        by_mean += self.nll_share * -z / policy.std
        by_log_std = self.nll_share * (1 - z**2)
        return each * by_mean, each * by_log_std


def flat(array: Array) -> Array:
    """(U, B, ...) to (U * B, ...)."""
    return array.reshape(-1, *array.shape[2:])
