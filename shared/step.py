"""One step of one episode, and how it is named. The meaning of each word is fixed here, once.

A step holds the observation that the action was chosen from. Next observations are not stored: the next step
of the same episode holds them. The last step of an episode, and only that one, carries `final_observation`,
what the environment returned after it, so each camera frame exists once and a truncated episode can still be
bootstrapped.
"""

import os
import re
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Observation = dict[str, NDArray[np.generic]]
Action = NDArray[np.float32]


class Source(StrEnum):
    """Who chose the action of a step."""

    POLICY = "policy"
    HUMAN = "human"
    SCRIPT = "script"
    RANDOM = "random"


class Why(StrEnum):
    """Why an episode ended. SUCCESS and FAILURE terminate; the others truncate."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIME_LIMIT = "time_limit"
    OPERATOR_ABORT = "operator_abort"
    FAULT = "fault"


class EpisodeKind(StrEnum):
    """What an episode is for. Only TRAINING steps earn credit for updates."""

    TRAINING = "training"
    DEMO = "demo"
    EVALUATION = "evaluation"


class StepId(NamedTuple):
    """The name of a produced step, unique for ever."""

    actor_id: str
    incarnation: str
    episode: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happened in one period of the control loop.

    Attributes:
        observation: entries as the InterfaceSpec declares; float32 vectors, uint8 HWC RGB images.
        policy_action: (A,) float32 what the policy proposed, or None when it was not asked.
        human_action: (A,) float32 what a person proposed, or None.
        chosen_action: (A,) float32 in [-1, 1], policy units: the action that trains.
        executed_command: (C,) float32 SI units, what the safety envelope let through.
        source: who chose `chosen_action`.
        reward: float32, the sum that trains.
        reward_terms: its named parts.
        terminated: the world ended; the discount is 0 here and only here.
        truncated: the recording ended, the world did not.
        why: set exactly when terminated or truncated.
        final_observation: set exactly on a last step whose environment returned one (not after a fault).
    """

    observation: Observation
    chosen_action: Action
    executed_command: NDArray[np.float32]
    source: Source
    reward: float
    terminated: bool = False
    truncated: bool = False
    why: Why | None = None
    policy_action: Action | None = None
    human_action: Action | None = None
    reward_terms: dict[str, float] = field(default_factory=dict[str, float])
    final_observation: Observation | None = None

    @property
    def last(self) -> bool:
        """Whether the episode ended with this step."""
        return self.terminated or self.truncated


def is_name(name: str) -> bool:
    """Whether this may name an actor or one of its lives: it also names files."""
    return _NAME.fullmatch(name) is not None


def new_incarnation() -> str:
    """A name for one life of a process; later lives sort after earlier ones on the same computer."""
    return f"{time.time_ns():016x}-{os.urandom(4).hex()}"
