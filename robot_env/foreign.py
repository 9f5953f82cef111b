"""Any other Gymnasium environment with Box actions, through the same interface as our own tasks."""

import difflib
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_env.actions import admit
from robot_env.foreign_spaces import Flattened, action_entry
from robot_env.rate import Rate
from robot_env.rendering.backend import choose_backend
from shared.clock import Clock
from shared.errors import ConfigError, ObservationError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Why

DEFAULT_HZ = 30.0
FOREIGN = "gymnasium:"
RGB = "rgb_array"


def make_foreign(identity: str, *, clock: Clock, render: bool = False, **settings: Any) -> "ForeignEnv":
    """Gymnasium's environment of that id; raises ConfigError for an unknown id or unsuitable spaces.

    With `render` it is made to draw itself, where it says that it can.
    """
    choose_backend()
    inner = _make(identity, settings)
    if render and RGB in (inner.metadata.get("render_modes") or ()):
        inner.close()
        inner = _make(identity, {**settings, "render_mode": RGB})
    try:
        return ForeignEnv(inner, f"{FOREIGN}{identity}", clock)
    except ConfigError:
        inner.close()
        raise


def _make(identity: str, settings: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    stage = f"making {FOREIGN}{identity}"
    try:
        return gymnasium.make(identity, disable_env_checker=True, **settings)
    except gymnasium.error.UnregisteredEnv as error:
        raise ConfigError(stage, _one_line(error), nearest_id(identity)) from error
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        raise ConfigError(stage, _one_line(error), "install what it needs beside HandsOn") from error
    except (gymnasium.error.Error, TypeError) as error:
        raise ConfigError(stage, _one_line(error), "give settings that this environment takes") from error


def nearest_id(identity: str) -> str:
    """A cure for an unknown id: the registered ones that look most like it."""
    close = difflib.get_close_matches(identity, gymnasium.registry, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return "see gymnasium.pprint_registry() for the ids of this machine"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


class ForeignEnv(gymnasium.Env[dict[str, Any], Action]):
    """A Gymnasium environment that speaks as RobotEnv does, at the pace that it renders with (or 30 Hz).

    Success is what its info says (`is_success` or `success`). An episode that it terminates without saying
    so counts as a failure; one that it truncates, as a time limit.
    """

    def __init__(self, inner: gymnasium.Env[Any, Any], name: str, clock: Clock) -> None:
        self._inner = inner
        self._flat = Flattened(inner.observation_space, name)
        action = action_entry(inner.action_space, name)
        hz = float(inner.metadata.get("render_fps") or DEFAULT_HZ)
        self._low, self._high = np.array(action.low), np.array(action.high)
        self._shape = inner.action_space.shape
        self._dtype = inner.action_space.dtype
        self._rate = Rate(hz, clock)
        self._picture: NDArray[Any] | None = None
        self.interface = InterfaceSpec(
            name=name, observations=self._flat.entries, actions=(action,), control_hz=hz
        )
        self.metadata = inner.metadata
        self.render_mode = inner.render_mode
        self.observation_space = self._flat.space
        self.action_space = spaces.Box(-1.0, 1.0, (action.size,), np.float32)

    @property
    def overruns(self) -> int:
        """How many periods ended late."""
        return self._rate.overruns

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        raw, _ = self._inner.reset(seed=seed, options=options)
        self._rate.restart()
        return self._observe(raw), {"success": False}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One period; raises ObservationError for a reward or observation that is not finite."""
        command = self._command(admit(action, self.interface.action_size))
        raw, reward, terminated, truncated, inner = self._inner.step(command)
        late = self._rate.wait()
        observation, reward = self._observe(raw), self._finite(float(reward))
        success = bool(inner.get("is_success", inner.get("success", False)))
        info = {
            "success": success,
            "why": _why(success, terminated, truncated),
            "reward_terms": {"reward": reward},
            "executed_command": np.asarray(command, dtype=np.float32).reshape(-1),
            "limited_by": (),
            "overrun_seconds": late,
        }
        return observation, reward, bool(terminated), bool(truncated and not terminated), info

    def render(self) -> Any:
        """What it draws of itself, else the newest picture that it showed; gymnasium's Error without both."""
        if self.render_mode is not None:
            return self._inner.render()
        if self._picture is None:
            raise gymnasium.error.Error(f"{self.interface.name} cannot draw itself as {RGB}")
        return self._picture

    def close(self) -> None:
        """Close it; harmless twice."""
        self._inner.close()

    def _command(self, action: Action) -> NDArray[Any]:
        scaled = self._low + (action.astype(np.float64) + 1.0) / 2.0 * (self._high - self._low)
        return scaled.astype(self._dtype).reshape(self._shape)

    def _observe(self, raw: Any) -> Observation:
        observation = self._flat.values(raw)
        self.interface.check(observation, f"observing {self.interface.name}")
        self._picture = next((observation[e.name] for e in self.interface.observations if e.is_image), None)
        return observation

    def _finite(self, reward: float) -> float:
        if not np.isfinite(reward):
            raise ObservationError(
                f"rewarding {self.interface.name}",
                f"the reward is {reward}",
                "mend the environment; the step was not recorded",
            )
        return reward


def _why(success: bool, terminated: bool, truncated: bool) -> Why | None:
    if terminated:
        return Why.SUCCESS if success else Why.FAILURE
    return Why.TIME_LIMIT if truncated else None
