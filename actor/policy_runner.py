"""PolicyRunner: the newest policy, ready to act: one trace over a whole run, parameters moved once a
snapshot.

Two settings matter for latency on a CPU (measured on two cores, 256x256 policy, median): asynchronous
dispatch hands each call to another thread, 53 us against 35 us without; deriving a key with
`jax.random.fold_in` costs 90 us where the pair (seed, count) itself is a valid threefry key. Threading flags
of XLA made no difference at this size.
"""

import logging
from typing import cast

import jax
import numpy as np

from actor.choosers import Choice
from actor.samples import Samples
from actor.sight import Sight
from actor.trunks import Trunks
from shared.clock import Clock, SystemClock
from shared.errors import CheckpointError, DeviceError, NonFiniteError
from shared.interface import InterfaceSpec, require_equal
from shared.policy.acting import SelectAction, make_select_action
from shared.policy.snapshot import PolicySnapshot
from shared.step import Action, Observation, Source

log = logging.getLogger(__name__)

STAGE = "policy runner"


def configure_device(device: str) -> None:
    """Prepare this process to act on "cpu" or "gpu", before anything else uses JAX.

    Raises:
        DeviceError: the accelerator asked for is not there.
    """
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    try:
        jax.devices(device)
    except RuntimeError as error:
        cure = "use --device cpu, or `make install ROLE=actor CUDA=1`"
        raise DeviceError(STAGE, f"there is no {device}: {error}", cure) from None


class PolicyRunner:
    """Acts by the snapshot loaded last. Owned by the control thread.

    Random keys are counter-based: the n-th action sampled in a run depends on (seed, n) and the policy alone.

    Args:
        trunks: where frozen trunks are found.

    Attributes:
        snapshot: the policy loaded last.
        loads: how many were loaded.
        selection_seconds: how long each action took to choose.
    """

    def __init__(
        self,
        interface: InterfaceSpec,
        *,
        seed: int,
        device: str = "cpu",
        clock: Clock | None = None,
        trunks: Trunks | None = None,
    ) -> None:
        self.snapshot: PolicySnapshot | None = None
        self.loads = 0
        self.selection_seconds = Samples()
        self._interface = interface
        self._device = jax.devices(device)[0]
        self._clock = clock or SystemClock()
        self._seed = np.random.SeedSequence(seed).generate_state(1)[0]
        self._count = 0
        self._trunks = trunks or Trunks()
        self._select: SelectAction | None = None
        self._sight: Sight | None = None
        self._params: dict[str, jax.Array] = {}

    @property
    def traces(self) -> int:
        """How often something was compiled: once for each PolicySpec, and once more where it has cameras."""
        return self._select.traces + self._select.encode_traces if self._select else 0

    def compiles(self, snapshot: PolicySnapshot) -> bool:
        """Whether loading this snapshot would compile, which must not happen inside an episode."""
        return self._select is None or self._select.spec != snapshot.spec

    def load(self, snapshot: PolicySnapshot) -> None:
        """Act by this snapshot from now on; compiles when its network is another one.

        Raises:
            InterfaceMismatch: the policy belongs to another world; both are printed.
            CheckpointError: it sees through a frozen trunk that this computer does not have.
        """
        if snapshot is self.snapshot:
            return
        select, sight = self._select, self._sight
        if select is None or select.spec != snapshot.spec:
            require_equal(self._interface, snapshot.spec.interface, STAGE, "the policy")
            select = make_select_action(snapshot.spec)
            sight = self._sight_of(select)
        self._params = jax.block_until_ready(jax.device_put(snapshot.params, self._device))
        if not select.traces:
            self._warm_up(select, sight)
        self._select, self._sight, self.snapshot = select, sight, snapshot
        self.loads += 1

    def begin(self) -> None:
        """A new episode: its first frame is the only one seen so far."""
        if self._sight is not None:
            self._sight.begin()

    def act(self, observation: Observation, *, greedy: bool = False) -> Action:
        """The action (A,) float32 in [-1, 1] for an observation without leading axes.

        Frames are remembered: call it once a step, and `begin` before each episode's first.

        Raises:
            CheckpointError: no policy was loaded.
            NonFiniteError: the policy answered with a nan.
        """
        if self._select is None:
            raise CheckpointError(STAGE, "no policy was loaded", "load a snapshot before acting")
        began = self._clock.now()
        if self._sight is not None:
            observation = self._sight.see(self._params, observation)
        action = self._select(self._params, observation, self._key(self._count), greedy)
        self.selection_seconds.add(self._clock.now() - began)
        self._count += not greedy
        if not np.isfinite(action).all():
            version = self.snapshot.version if self.snapshot else None
            cure = "look at the learner's losses, and restart it from an earlier checkpoint"
            raise NonFiniteError(STAGE, f"policy version {version} chose {action}", cure)
        return action

    def _key(self, count: int) -> jax.Array:
        return cast(jax.Array, np.array([self._seed, count & 0xFFFFFFFF], np.uint32))

    def _sight_of(self, select: SelectAction) -> Sight | None:
        if select.spec.vision is None:
            return None
        if not select.spec.trunk_digest:
            return Sight(select, None)
        return Sight(select, jax.device_put(self._trunks.require(select.spec).params, self._device))

    def _warm_up(self, select: SelectAction, sight: Sight | None) -> None:
        zeros: Observation = {
            entry.name: np.zeros(entry.shape, entry.dtype) for entry in self._interface.observations
        }
        if sight is not None:
            zeros = sight.see(self._params, zeros)
            sight.begin()
        select(self._params, zeros, self._key(0), True)
        log.info("compiled action selection for %s", self._interface.name)


class PolicyChooser:
    """The policy that the runner holds; each episode is either sampled or greedy from start to end.

    Greedy practice matters: a sampled policy is shaken out of states in which the greedy one stays for ever,
    so without it no step shows the critics what being stuck is worth.
    """

    def __init__(self, runner: PolicyRunner, *, greedy_share: float = 0.0) -> None:
        self._runner = runner
        self._greedy_share = greedy_share
        self._greedy = greedy_share >= 1.0

    def begin(self, rng: np.random.Generator) -> None:
        """Draw whether this episode is greedy; the noise of its actions is the runner's."""
        self._greedy = bool(rng.random() < self._greedy_share)
        self._runner.begin()

    def choose(self, observation: Observation) -> Choice:
        """What the policy proposes; nobody overrules it here."""
        action = self._runner.act(observation, greedy=self._greedy)
        return Choice(action=action, source=Source.POLICY, policy_action=action)
