"""A world small enough to count in, and the policies that act in it."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium import spaces

from actor.rewards.base import StepResult, Verdict
from actor.rewards.environment import EnvironmentReward
from actor.samples import Samples
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.acting import make_select_action
from shared.policy.encoder import ImageEncoder
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot
from shared.policy.spec import PolicySpec
from shared.policy.vision import VisionConfig
from shared.step import Why

INTERFACE = InterfaceSpec(
    name="counting",
    observations=(
        ObservationEntry(name="count", shape=(1,), dtype="float32"),
        ObservationEntry(name="start", shape=(2,), dtype="float32"),
    ),
    actions=(ActionEntry(name="move", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
    control_hz=10.0,
)


class CountingEnv(gymnasium.Env[Any, Any]):
    """Every observation differs from every other one: `count` goes on over steps and episodes.

    Args:
        plan: (length, why) of one episode after another; the last one repeats.
        spoil: steps (counted over the life of the environment, resets not included) that return a nan, in the
            observation or, where it says "reward", in the reward.
    """

    def __init__(
        self,
        plan: Sequence[tuple[int, Why]] = ((5, Why.TIME_LIMIT),),
        spoil: dict[int, str] | None = None,
        spoil_resets: Sequence[int] = (),
    ) -> None:
        self.interface = INTERFACE
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.actions: list[np.ndarray] = []
        self.seeds: list[int | None] = []
        self.steps = 0
        self._plan = list(plan)
        self._spoil = spoil or {}
        self._spoil_resets = set(spoil_resets)
        self._count = np.zeros(1, np.float32)  # reused in place, as some environments do
        self._left = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self._length, self._why = self._plan.pop(0) if len(self._plan) > 1 else self._plan[0]
        self._left = self._length
        self._start = self.np_random.uniform(size=2).astype(np.float32)
        self.seeds.append(seed)
        self._count += 1
        if len(self.seeds) - 1 in self._spoil_resets:
            return self._observation() | {"count": np.full(1, np.nan, np.float32)}, {}
        return self._observation(), {}

    def step(self, action: np.ndarray):
        assert self._left > 0, "stepped after the end"
        self.actions.append(np.array(action))
        self._left -= 1
        self._count += 1
        spoil = self._spoil.get(self.steps)
        self.steps += 1
        observation = self._observation()
        if spoil == "observation":
            observation["count"] = np.full(1, np.nan, np.float32)
        reward = float("nan") if spoil == "reward" else 1.0
        over = self._left == 0
        why = self._why if over else None
        info = {
            "success": why is Why.SUCCESS,
            "why": why,
            "reward_terms": {"step": reward},
            "executed_command": np.asarray(action, np.float32) * 0.1,
            "limited_by": (),
        }
        terminated = why in (Why.SUCCESS, Why.FAILURE)
        return observation, reward, terminated, over and not terminated, info

    def render(self) -> np.ndarray:
        return np.full((60, 80, 3), int(self._count[0]) % 256, np.uint8)

    def _observation(self) -> dict[str, np.ndarray]:
        return {"start": self._start, "count": self._count, "undeclared": np.zeros(3)}


MakeSnapshot = Callable[..., PolicySnapshot]


@pytest.fixture(scope="session")
def counting_env() -> type[CountingEnv]:
    """The class, to be made as the test needs it."""
    return CountingEnv


@pytest.fixture(scope="session")
def make_snapshot() -> MakeSnapshot:
    """`make_snapshot(version, seed=0, interface=..., **policy settings)`: an untrained policy."""

    def make(
        version: int = 0,
        *,
        seed: int | None = None,
        interface: InterfaceSpec = INTERFACE,
        incarnation: str = "learner-life",
        **settings: Any,
    ) -> PolicySnapshot:
        spec = PolicySpec(interface=interface, **({"hidden": (8,)} | settings))
        zeros = {e.name: np.zeros(e.shape, e.dtype) for e in interface.observations}
        shapes = jax.eval_shape(GaussianPolicy(spec).init, jax.random.key(0), zeros)["params"]
        rng = np.random.default_rng(version if seed is None else seed)
        params = jax.tree.map(lambda leaf: rng.normal(0.0, 0.3, leaf.shape).astype(leaf.dtype), shapes)
        return PolicySnapshot(
            spec=spec,
            params=flatten(params),
            learner_incarnation=incarnation,
            version=version,
            update=10 * version,
            created_at_seconds=1e9,
        )

    return make


@pytest.fixture(scope="session")
def make_vision_snapshot() -> Callable[..., PolicySnapshot]:
    """`make_vision_snapshot(interface, vision, trunk digest, version)`: an untrained policy with cameras."""

    def make(
        interface: InterfaceSpec, vision: VisionConfig, trunk_digest: str, version: int = 0
    ) -> PolicySnapshot:
        spec = PolicySpec(interface=interface, hidden=(8,), vision=vision, trunk_digest=trunk_digest)
        key, encoder = jax.random.key(0), ImageEncoder(vision, interface)
        zeros = {e.name: np.zeros(e.shape, e.dtype) for e in interface.observations}
        images = np.zeros(len(encoder.cameras) * vision.bottleneck, np.float32)
        network = jax.eval_shape(GaussianPolicy(spec).init, key, zeros, images)["params"]
        shapes = {**network, "encoder": jax.eval_shape(encoder.init, key)}
        rng = np.random.default_rng(version)
        params = jax.tree.map(lambda leaf: rng.normal(0.0, 0.3, leaf.shape).astype(leaf.dtype), shapes)
        return PolicySnapshot(
            spec=spec,
            params=flatten(params),
            learner_incarnation="learner-life",
            version=version,
            update=10 * version,
            created_at_seconds=1e9,
        )

    return make


@pytest.fixture
def compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners of this test share compiled policies with those of other tests."""
    monkeypatch.setattr("actor.policy_runner.make_select_action", _compiled)


_compiled = functools.cache(make_select_action)


class Fallible(EnvironmentReward):
    """The environment's word, which a person may deny."""

    identity = "square.classifier"

    def __init__(self) -> None:
        self.judging_seconds, self.successes, self.denials = Samples(), 0, 0
        self.success_seconds, self._denied = 0.0, list[int]()

    def judge(self, result: StepResult) -> Verdict:
        verdict = super().judge(result)
        self.successes += verdict.success
        return verdict

    def deny(self) -> str:
        self._denied.append(self.successes)
        return "its reward is taken back"

    def denied(self) -> int | None:
        return self._denied.pop(0) if self._denied else None


@pytest.fixture
def fallible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever world is opened, who judges it may err."""
    monkeypatch.setattr("actor.world.build_judge", lambda *unused: Fallible())
