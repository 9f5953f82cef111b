"""SAC: settings on one side, state on the other, pure functions between them.

Soft actor-critic (Haarnoja et al. 2018) with critic ensembles and subsets (REDQ), high UTD, demonstrations in
the minibatches (RLPD) and in the policy's loss. `docs/algorithms.md` gives every equation and its file.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Sharding, SingleDeviceSharding

from learner.agents.cloning import imitate
from learner.agents.config import SACConfig
from learner.agents.critic_update import update_critics
from learner.agents.networks import SACNetworks
from learner.agents.policy_update import update_policy
from learner.agents.state import Metrics, Parameters, SACState
from learner.agents.vice import Vice
from learner.replay.batch import TransitionBatch
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.parameters import FlatParameters, flatten, unflatten
from shared.policy.spec import PolicySpec
from shared.policy.trunks.weights import TrunkWeights

log = logging.getLogger(__name__)


class SAC:
    """The agent. It holds settings and compiled functions, and of arrays only what never changes.

    Args:
        place: where everything is computed.
        trunk: the weights of a frozen trunk.
        goals: for VICE, goal images (N, T, ...) of every camera as batches hold them; see `learner.goals`.

    Raises:
        ConfigError: settings do not go together, or there are goals and no VICE, or VICE and no goals.

    Attributes:
        config, interface: what it was built from.
        policy_spec: rebuilds the policy's network elsewhere.
        traces: how often each function was traced; more than once over a run is a fault.
    """

    def __init__(
        self,
        config: SACConfig,
        interface: InterfaceSpec,
        place: Sharding | None = None,
        trunk: TrunkWeights | None = None,
        goals: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = config
        self.interface = interface
        digest, gripper = trunk.digest if trunk else "", config.gripper.spec(interface)
        self.policy_spec = PolicySpec.of(config.policy, interface, config.vision, digest, gripper)
        self.traces = {"update": 0, "imitate": 0}
        self._networks = SACNetworks.of(config, interface)
        if (goals is None) is config.vice.enabled:
            cure = "name files with --goals, or leave agent.vice off"
            raise ConfigError("vice", f"vice is {'on without' if goals is None else 'off, with'} goals", cure)
        # One placement, or jit compiles anew for each mixture of host, uncommitted and committed arrays.
        place = place or SingleDeviceSharding(jax.devices()[0])
        self._trunk = None if trunk is None else jax.device_put(unflatten(trunk.params), place)
        self._goals = None if goals is None else jax.device_put(dict(goals), place)
        self._init = jax.jit(self._networks.init, in_shardings=place, out_shardings=place)
        step = {"in_shardings": place, "out_shardings": place, "donate_argnums": 0}
        self._update = jax.jit(self._traced_update, **step)
        self._imitate = jax.jit(self._traced_imitate, **step)

    def init(self, key: jax.Array) -> SACState:
        """A new state; everything random in it and after it follows from `key`."""
        return self._init(jax.random.key_data(key))

    def update(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        """U critic updates, each followed by its targets' step, then one policy and temperature update.

        With `imitation_only` U cloning updates of what acts instead, and nothing else moves.

        Args:
            state: donated; do not use it again.
            batch: U minibatches of B rows, on the host or on the device.

        Returns:
            The new state and metrics, () float32 on the device: nothing waits for them here.
        """
        return self._update(state, batch, self._trunk, self._goals)

    def imitate(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        """U updates of the policy alone, cloning the rows that `batch.imitate` marks. Donates `state`."""
        return self._imitate(state, batch, self._trunk)

    def policy_params(self, state: SACState) -> FlatParameters:
        """What a snapshot holds: the parameters that acting needs, copied to the host."""
        return flatten(state.acting)

    def compile(self, batch: TransitionBatch) -> float:
        """Trace and compile `update` for batches like this one before data comes; returns the seconds."""
        started = time.perf_counter()
        state = self.init(jax.random.key(0))
        state, _ = self.update(state, batch)
        jax.block_until_ready(state)
        seconds = time.perf_counter() - started
        log.info("compiled the update (%d x %d rows) in %.1f s", *batch.reward.shape, seconds)
        return seconds

    def _traced_update(
        self,
        state: SACState,
        batch: TransitionBatch,
        trunk: Parameters | None,
        goals: dict[str, jax.Array] | None,
    ) -> tuple[SACState, Metrics]:
        self.traces["update"] += 1
        batch = self._split(batch)
        if self.config.imitation_only:
            state, metrics = imitate(self._networks, state, batch, trunk)
            return state._replace(updates=state.updates + batch.reward.shape[0]), metrics
        state, batch, watched = _judge(self._networks.vice, state, batch, trunk, goals)
        state, data_q, critic_metrics = update_critics(self._networks, state, batch, trunk)
        if self._networks.shares_encoder:
            state = state._replace(policy=state.policy | {"encoder": state.critics["encoder"]})
        rows, data_q = _policy_rows(batch, data_q, self.config.policy_rows)
        state, policy_metrics = update_policy(self._networks, state, rows, data_q, trunk)
        return state, critic_metrics | policy_metrics | watched

    def _traced_imitate(
        self, state: SACState, batch: TransitionBatch, trunk: Parameters | None
    ) -> tuple[SACState, Metrics]:
        self.traces["imitate"] += 1
        return imitate(self._networks, state, self._split(batch), trunk)

    def _split(self, batch: TransitionBatch) -> TransitionBatch:
        """From here on an action is what the policy draws; what it told the gripper is beside it."""
        return self._networks.gripper.split(batch) if self._networks.gripper else batch


def _judge(
    vice: Vice | None,
    state: SACState,
    batch: TransitionBatch,
    trunk: Parameters | None,
    goals: dict[str, jax.Array] | None,
) -> tuple[SACState, TransitionBatch, Metrics]:
    """Where goal images decide: one step of their classifier, and the rewards that it gives the batch."""
    if vice is None or goals is None or state.vice is None:
        return state, batch, {}
    seed = state.seed_key, state.updates
    judging, metrics = vice.update(state.vice, batch, goals, trunk, seed)
    batch, watched = vice.relabel(judging, batch, trunk, seed)
    return state._replace(vice=judging), batch, metrics | watched


def _policy_rows(batch: TransitionBatch, data_q: jax.Array, which: str) -> tuple[TransitionBatch, jax.Array]:
    """The rows that the policy is updated on, without the update axis."""
    if which == "last":
        return jax.tree.map(lambda x: x[-1], (batch, data_q))
    return jax.tree.map(lambda x: jnp.reshape(x, (-1, *x.shape[2:])), (batch, data_q))
