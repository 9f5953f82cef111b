"""Fitting the heads: all members at once, each without its share of the episodes, classes balanced.

Cross-entropy with the logits adjusted for the balancing (Menon et al. 2021, eq. 10), so that what comes out
are probabilities under the recorded shares of the classes. Each camera's own output is trained alike.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from learner.classifier.config import FitConfig
from learner.classifier.looks import Maps
from shared.policy.classifier.network import ClassifierNetwork

CALL_UPDATES = 20
"""Updates in one compiled call."""

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Heads:
    """The members while they are trained.

    Args:
        network: of one member.
        priors: (classes,) shares of the recorded frames.
    """

    def __init__(self, network: ClassifierNetwork, config: FitConfig, priors: NDArray[np.float64]) -> None:
        self._network, self._config = network, config
        self._log_priors = jnp.log(jnp.asarray(priors, jnp.float32))
        schedule = optax.cosine_decay_schedule(config.learning_rate, config.updates)
        self._optimiser = optax.adamw(schedule, weight_decay=config.weight_decay)
        self._update = jax.jit(self._updates, donate_argnums=(0, 1))

    def fit(
        self,
        maps: Maps,
        labels: Integers,
        held_out: Flags,
        seed: int,
        advance: Callable[[int], None] = lambda updates: None,
    ) -> dict[str, Any]:
        """Train; the parameters, members in front.

        Args:
            maps: (N, variants, c, h, w) by camera.
            labels: (N,).
            held_out: (members, N), what each is trained without.
            advance: told of updates that were made.
        """
        members = len(held_out)
        rng = np.random.default_rng(seed)
        draw = _Balanced(labels, held_out, next(iter(maps.values())).shape[1], rng)
        params, state = jax.jit(jax.vmap(self._init))(jax.random.split(jax.random.key(seed), members))
        for done in range(0, self._config.updates, CALL_UPDATES):
            updates = min(CALL_UPDATES, self._config.updates - done)
            for _ in range(updates):
                rows, variants = draw(self._config.batch)
                batch = {name: array[rows, variants] for name, array in maps.items()}
                params, state = self._update(params, state, batch, labels[rows].astype(np.int32))
            advance(updates)
        return jax.block_until_ready(params)

    def _init(self, key: jax.Array) -> Any:
        params = self._network.init(key)
        return params, self._optimiser.init(params)

    def _updates(self, params: Any, state: Any, maps: dict[str, jax.Array], labels: jax.Array) -> Any:
        """One update of every member, each on its own rows (members, B, ...)."""
        return jax.vmap(self._one)(params, state, maps, labels)

    def _one(self, params: Any, state: Any, maps: dict[str, jax.Array], labels: jax.Array) -> Any:
        gradient = jax.grad(self._loss)(params, maps, labels)
        change, state = self._optimiser.update(gradient, state, params)
        return optax.apply_updates(params, change), state

    def _loss(self, params: Any, maps: dict[str, jax.Array], labels: jax.Array) -> jax.Array:
        logits = self._network.logits(params, maps) - self._log_priors
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[:, None])
        return losses.mean()


class _Balanced:
    """Draws rows (members, B) with as many of each class, none that a member is trained without."""

    def __init__(self, labels: Integers, held_out: Flags, variants: int, rng: np.random.Generator) -> None:
        self._rng, self._variants = rng, variants
        classes = range(int(labels.max()) + 1)
        self._rows = [[np.flatnonzero(~held & (labels == c)) for c in classes] for held in held_out]

    def __call__(self, batch: int) -> tuple[Integers, Integers]:
        rows = np.stack([self._member(pools, batch) for pools in self._rows])
        return rows, self._rng.integers(0, self._variants, rows.shape)

    def _member(self, pools: list[Integers], batch: int) -> Integers:
        shares = [len(part) for part in np.array_split(np.arange(batch), len(pools))]
        drawn = [pool[self._rng.integers(0, len(pool), n)] for pool, n in zip(pools, shares, strict=True)]
        return np.concatenate(drawn)
