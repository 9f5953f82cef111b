"""VICE (Fu et al. 2018, arXiv:1805.11686; Singh et al. 2019, arXiv:1904.07854): rewards from goal images.

A classifier over images tells goals from frames that the policy comes by, is trained on line beside the
critics, and replaces the rewards of every minibatch. Where SERL's code falls short of its idea: all cameras
of a row share one mixing partner and one share, so labels fit all of them; what a demonstration ended with
and what a correction led to is never called negative; and the agent that comes out of the update is the
updated one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from learner.agents.randomness import Purpose, key_of
from learner.agents.sight import Sight
from learner.agents.state import Metrics, Parameters, ViceState
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.spec import PolicySpec
from shared.policy.vision import cameras

Images = Mapping[str, jax.Array]
ViceReward = Literal["threshold", "log_probability"]
LOWEST_LOG_PROBABILITY = -5.0
"""Log probabilities are no less: a certain no would drown all else."""
UNSURE = -2.0
"""The logit at first: nothing is a goal until something was learnt."""
SLOW = OptimiserConfig(learning_rate=1e-4)


@dataclass(frozen=True, kw_only=True)
class ViceConfig:
    """Rewards from a classifier of goal images that is trained on line."""

    enabled: bool = False
    """Whether rewards are replaced; `goals` of the learner names the images."""
    cameras: tuple[str, ...] = ()
    """Image entries to look through, such as wrist/image; none means all."""
    reward: ViceReward = "threshold"
    """1 for frames that pass the threshold and else 0, or the logarithm of the probability of a goal."""
    threshold: float = 0.5
    """Probability of a goal from which on a frame passes."""
    ends: bool = True
    """What follows a frame that passes is worth nothing, as where success ends the world; else it goes on."""
    mixup: float = 1.0
    """Alpha of Beta(alpha, alpha), from which the shares of mixed rows are drawn; 0 mixes nothing."""
    label_smoothing: float = 0.2
    """Labels are 1 - half of this, and half of this."""
    gradient_penalty: float = 0.0
    """Weight of (norm of the logit's slope - 1)^2, at maps between those of goals and of others; SERL: 10."""
    hidden: int = 256
    """Width of the layer that joins the cameras."""
    dropout: float = 0.3
    """Share of that layer and of what it joins that is dropped at random while training."""
    optimiser: OptimiserConfig = SLOW
    """The classifier's; steps are counted in update calls."""

    def __post_init__(self) -> None:
        if self.reward not in ("threshold", "log_probability"):
            raise ConfigError("vice", f"reward is {self.reward!r}", "choose threshold or log_probability")
        if not (0 < self.threshold < 1 and 0 <= self.label_smoothing < 1 and 0 <= self.dropout < 1):
            raise ConfigError(
                "vice",
                f"threshold {self.threshold:g}, label_smoothing {self.label_smoothing:g}, "
                f"dropout {self.dropout:g}",
                "keep threshold in (0, 1) and the others in [0, 1)",
            )
        if min(self.mixup, self.gradient_penalty) < 0 or self.hidden < 1:
            raise ConfigError(
                "vice",
                f"mixup {self.mixup:g}, gradient_penalty {self.gradient_penalty:g}, hidden {self.hidden}",
                "keep mixup and gradient_penalty at least 0 and hidden at least 1",
            )


class GoalNetwork(nn.Module):
    """From the cameras' vector to the logit of "this is a goal"."""

    hidden: int
    dropout: float

    @nn.compact
    def __call__(self, vector: jax.Array, training: bool) -> jax.Array:
        """(N, V) to (N,)."""
        x = nn.Dropout(self.dropout, deterministic=not training)(vector)
        x = nn.Dense(self.hidden, kernel_init=nn.initializers.xavier_uniform())(x)
        x = nn.Dropout(self.dropout, deterministic=not training)(x)
        x = nn.leaky_relu(nn.LayerNorm()(x))
        bias = nn.initializers.constant(UNSURE)
        return nn.Dense(1, kernel_init=nn.initializers.zeros_init(), bias_init=bias, name="logit")(x)[..., 0]


class Vice:
    """Static: no array lives here. Its eyes are its own."""

    def __init__(self, config: ViceConfig, spec: PolicySpec, pad: int, discount: float) -> None:
        if spec.vision is None or not spec.vision.frozen:
            raise ConfigError(
                "vice",
                "goals are told by the maps of a frozen trunk, and there is none",
                "use a task with cameras and a vision.trunk whose name ends with _frozen",
            )
        self.config = config
        self._discount = discount
        self._sight = Sight(spec.vision, _seen_by(config.cameras, spec.interface), pad)
        self._network = GoalNetwork(config.hidden, config.dropout)
        self._optimiser = config.optimiser.build()

    def init(self, key: jax.Array) -> ViceState:
        """A classifier for which nothing is a goal."""
        keys = jax.random.split(key)
        network = self._network.init(keys[0], self._sight.blank(1), False)["params"]
        classifier = cast(Parameters, network) | self._sight.init(keys[1])
        return ViceState(classifier=classifier, optimiser=self._optimiser.init(classifier))

    def logits(self, params: Parameters, seen: Images, key: jax.Array | None = None) -> jax.Array:
        """(N,) for maps (N, T, c, h, w) of every camera; `key` drives dropout, where it trains."""
        vector = self._sight.vector(params, seen)
        drops = {} if key is None else {"dropout": key}
        return cast(jax.Array, self._network.apply({"params": params}, vector, key is not None, rngs=drops))

    def update(
        self,
        state: ViceState,
        batch: TransitionBatch,
        goals: Images,
        trunk: Parameters | None,
        seed: tuple[jax.Array, jax.Array],
    ) -> tuple[ViceState, Metrics]:
        """One step, on as many goals as frames that are none; `seed` is (seed_key, update)."""
        keys = jax.random.split(key_of(*_purposed(seed, Purpose.GOAL_CLASSIFIER)), 5)
        rows = batch.reward.shape[1]
        passed = jax.tree.map(lambda x: jnp.reshape(x, (-1, *x.shape[2:])), self._images(batch))
        negatives = _drawn(keys[0], passed, rows, jnp.reshape(no_goal(batch), -1))
        positives = _drawn(keys[1], goals, rows, jnp.ones(len(next(iter(goals.values())))))
        both = {name: jnp.concatenate([positives[name], negatives[name]]) for name in self._sight.cameras}
        looked = self._sight.look(trunk, both, keys[2])
        seen = {name: jnp.asarray(looked[name], jnp.float32) for name in self._sight.cameras}
        label = jnp.repeat(jnp.array([1.0, 0.0]), rows)
        mixed, mixed_label = mix(keys[3], seen, smoothed(label, self.config.label_smoothing), self.config)

        def loss(params: Parameters) -> tuple[jax.Array, Metrics]:
            return self._loss(params, seen, mixed, mixed_label, keys[4])

        (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(state.classifier)
        step, optimiser = self._optimiser.update(gradient, state.optimiser, state.classifier)
        classifier = cast(Parameters, optax.apply_updates(state.classifier, step))
        return ViceState(classifier=classifier, optimiser=optimiser), metrics

    def _loss(
        self, params: Parameters, seen: Images, mixed: Images, label: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, Metrics]:
        keys = jax.random.split(key)
        logit = self.logits(params, mixed, keys[0])
        error = jnp.mean(optax.sigmoid_binary_cross_entropy(logit, label))
        penalty = jnp.zeros(())
        if self.config.gradient_penalty:
            between = _between(keys[1], mixed)
            penalty = slope_penalty(lambda maps: self.logits(params, maps), between)
        plain = self.logits(jax.lax.stop_gradient(params), seen)
        passes = (jax.nn.sigmoid(plain) >= self.config.threshold).reshape(2, -1).mean(axis=1)
        return error + self.config.gradient_penalty * penalty, {
            "vice_loss": error,
            "vice_slope_penalty": penalty,
            "vice_goals_passed": passes[0],
            "vice_others_passed": passes[1],
        }

    def relabel(
        self,
        state: ViceState,
        batch: TransitionBatch,
        trunk: Parameters | None,
        seed: tuple[jax.Array, jax.Array],
    ) -> tuple[TransitionBatch, Metrics]:
        """The batch with rewards, and where goals end it discounts, by what each step led to.

        The discount that was recorded stays elsewhere: a time limit does not end the world. Demonstrations go
        on where they ended: or their ends would be worth nothing as long as the classifier does not see them.
        """
        keys = jax.random.split(key_of(*_purposed(seed, Purpose.GOAL_SHIFT)), batch.reward.shape[0])

        def once(images: tuple[Images, jax.Array]) -> jax.Array:
            seen = self._sight.look(trunk, *images)
            return self.logits(state.classifier, {n: jnp.asarray(seen[n], jnp.float32) for n in seen})

        logit = jax.lax.map(once, (self._images(batch), keys))
        recorded = jnp.where(ended_demonstration(batch), self._discount, batch.discount)
        reward, discount = rewarded(self.config, logit, recorded)
        passes = jnp.mean(jax.nn.sigmoid(logit) >= self.config.threshold)
        batch = batch._replace(reward=reward, discount=discount)
        return batch, {"vice_passed": passes, "vice_reward": jnp.mean(reward)}

    def _images(self, batch: TransitionBatch) -> dict[str, jax.Array]:
        return {name: batch.next_observation[name] for name in self._sight.cameras}


def no_goal(batch: TransitionBatch) -> jax.Array:
    """(U, B): 1 for rows that are held to have led to no goal, else 0.

    Whatever the policy led to, and what demonstrations came by before their end: had it been a goal, they
    would have ended there. These keep their place among the negatives when the policy itself stays at goals.
    """
    return 1.0 - jnp.maximum(batch.intervention, ended_demonstration(batch))


def ended_demonstration(batch: TransitionBatch) -> jax.Array:
    """(U, B) bool: rows with which the world ended because somebody had shown all of the task."""
    return (batch.discount == 0.0) & (batch.imitate > 0.0) & (batch.intervention == 0.0)


def rewarded(config: ViceConfig, logit: jax.Array, discount: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Reward and discount of steps that led to frames with these logits, all of one shape."""
    if config.reward == "log_probability":
        return jnp.maximum(jax.nn.log_sigmoid(logit), LOWEST_LOG_PROBABILITY), discount
    passes = jnp.asarray(jax.nn.sigmoid(logit) >= config.threshold, jnp.float32)
    return passes, discount * (1.0 - passes) if config.ends else discount


def smoothed(label: jax.Array, smoothing: float) -> jax.Array:
    """1 becomes 1 - smoothing / 2, and 0 becomes smoothing / 2."""
    return label * (1.0 - smoothing) + 0.5 * smoothing


def mix(
    key: jax.Array, seen: Images, label: jax.Array, config: ViceConfig
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Mixup (Zhang et al. 2018): each row and its label with those of a partner, all cameras alike."""
    if not config.mixup:
        return dict(seen), label
    keys = jax.random.split(key)
    partner = jax.random.permutation(keys[0], len(label))
    share = jax.random.beta(keys[1], config.mixup, config.mixup, label.shape)
    mixed = {name: _blend(share, maps, maps[partner]) for name, maps in seen.items()}
    return mixed, _blend(share, label, label[partner])


def slope_penalty(logits: Callable[[Images], jax.Array], maps: Images) -> jax.Array:
    """(): mean of (norm of d logit / d maps, over all cameras together, - 1)^2 (Gulrajani et al. 2017)."""
    slopes = jax.grad(lambda seen: jnp.sum(logits(seen)))(dict(maps))
    squares = [jnp.sum(jnp.square(s), axis=tuple(range(1, s.ndim))) for s in slopes.values()]
    return jnp.mean(jnp.square(jnp.sqrt(sum(squares) + 1e-6) - 1.0))


def _between(key: jax.Array, mixed: Images) -> dict[str, jax.Array]:
    """Somewhere between each row of the first half and its fellow of the second, all cameras alike."""
    half = len(next(iter(mixed.values()))) // 2
    share = jax.random.uniform(key, (half,))
    return {name: _blend(share, maps[:half], maps[half:]) for name, maps in mixed.items()}


def _blend(share: jax.Array, one: jax.Array, other: jax.Array) -> jax.Array:
    share = jnp.reshape(share, (-1, *[1] * (one.ndim - 1)))
    return share * one + (1.0 - share) * other


def _drawn(key: jax.Array, images: Images, rows: int, weight: jax.Array) -> dict[str, jax.Array]:
    """So many rows of the images (N, ...), with replacement, each as likely as `weight` (N,) says."""
    chosen = jax.random.categorical(key, jnp.log(weight + 1e-9), shape=(rows,))
    return {name: frames[chosen] for name, frames in images.items()}


def _seen_by(names: tuple[str, ...], interface: InterfaceSpec) -> InterfaceSpec:
    """The interface with these cameras alone, or all of them."""
    if unknown := [name for name in names if name not in cameras(interface)]:
        cure = f"choose among {', '.join(cameras(interface))}"
        raise ConfigError("vice", f"there is no camera {unknown[0]!r}", cure)
    kept = names or cameras(interface)
    return replace(interface, observations=tuple(e for e in interface.observations if e.name in kept))


def _purposed(seed: tuple[jax.Array, jax.Array], purpose: Purpose) -> tuple[jax.Array, Purpose, jax.Array]:
    return seed[0], purpose, seed[1]
