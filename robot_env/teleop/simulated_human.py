"""A person who is not there: watches the policy, takes over when it is failing, hands back when it goes well.

It knows the way by the task's script and sees what a person would: where things are and how they move. It
knows nothing of the policy but what that does. Like a person it needs a while to be sure and to react, drives
unsteadily, looks away, and does not help for ever. For measuring human-in-the-loop training where no human
sits; its steps are recorded as a person's.

It corrects as HIL-SERL advises (Luo et al. 2024): briefly, and lets go once the situation is good again.
"""

from dataclasses import dataclass

import numpy as np

from robot_env.teleop.base import Env
from robot_env.teleop.progress import Sight, progressed
from robot_env.teleop.script import ScriptConfig, ScriptDevice
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source


@dataclass(frozen=True, kw_only=True)
class SimulatedHumanConfig:
    """How attentive, patient and skilled it is."""

    noise: float = 0.2
    """Standard deviation of what its hands add to every element of motion, in policy units."""
    patience_steps: int = 5
    """So many more periods without progress than with it, and it takes over."""
    hurry_after_steps: int = 60
    """From this period of an episode on, one without progress is enough."""
    reaction_steps: int = 2
    """Periods from the decision to the hand on the device."""
    settled_steps: int = 3
    """It lets go once so many periods in a row went well."""
    longest_steps: int = 12
    """It lets go after so many periods at the latest."""
    helps_per_episode: int = 6
    """It takes over at most so often in one episode."""
    most_share: float = 0.5
    """It drives at most this share of all periods."""
    eager_episodes: int = 20
    """So many episodes it watches at first, all of them."""
    watched_share: float = 0.5
    """Share of the later ones that it watches: a policy that is always saved never learns what fails."""
    looks_away: float = 0.02
    """Probability of looking away, in each period."""
    away_steps: int = 10
    """How many periods it looks away."""

    def __post_init__(self) -> None:
        for name in ("noise", "most_share", "watched_share", "looks_away"):
            _require(0.0 <= (value := getattr(self, name)) <= 1.0, f"{name} is {value:g}", "use 0 to 1")
        for name in ("patience_steps", "reaction_steps", "settled_steps", "longest_steps", "away_steps"):
            _require((value := getattr(self, name)) >= 1, f"{name} is {value}", "use at least 1")
        for name in ("hurry_after_steps", "helps_per_episode", "eager_episodes"):
            _require((value := getattr(self, name)) >= 0, f"{name} is {value}", "use at least 0")

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> "SimulatedHuman":
        """For a task that a script solves; ConfigError where there is none, or it sees too little."""
        return SimulatedHuman(self, ScriptConfig(noise=self.noise).build(interface, env))


class SimulatedHuman:
    """Drives through the hands of a ScriptDevice."""

    source = Source.HUMAN
    lost = ""

    def __init__(self, config: SimulatedHumanConfig, hands: ScriptDevice) -> None:
        self._config, self._hands = config, hands
        self._seen_steps = self._driven_steps = self._episodes = 0
        self._start(np.random.default_rng(0))

    def reset(self, rng: np.random.Generator) -> None:
        """A new episode: whether it is watched, and all else that chance decides, comes from `rng`."""
        self._start(rng)
        self._episodes += 1

    def _start(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._hands.reset(rng.spawn(1)[0])
        eager = self._episodes < self._config.eager_episodes
        self._watched = bool(rng.random() < self._config.watched_share) or eager
        self._before: Sight | None = None
        self._number = self._doubt = self._good = self._away = self._helps = self._span = 0
        self._drives = False
        self._reacts_in: int | None = None

    def read(self, observation: Observation) -> Action | None:
        """What its hands do in this period, or None while it watches or looks away."""
        self._number += 1
        self._seen_steps += 1
        if not self._attends():
            return None
        self._watch(observation)
        self._decide()
        if not self._drives:
            return None
        self._span += 1
        self._driven_steps += 1
        return self._hands.read(observation)

    def close(self) -> None:
        """Nothing is held."""
        self._hands.close()

    def _attends(self) -> bool:
        """While it drives it looks; what happened while it looked away it does not know."""
        looks = self._watched and not self._away
        if looks and not self._drives and self._rng.random() < self._config.looks_away:
            self._away, looks = self._config.away_steps, False
        if not looks:
            self._away = max(0, self._away - 1)
            self._before, self._doubt, self._reacts_in = None, 0, None
        return looks

    def _watch(self, observation: Observation) -> None:
        """Doubt grows by one with each period that brought nothing, and shrinks by one with each that did."""
        now = self._hands.look(observation)
        if self._before is not None:
            well = progressed(self._before, now, self._hands.limit_m)
            self._doubt = max(0, self._doubt - 1) if well else self._doubt + 1
            self._good = self._good + 1 if well else 0
        self._before = now

    def _decide(self) -> None:
        config = self._config
        if self._drives:
            if self._good >= config.settled_steps or self._span == config.longest_steps:
                self._drives, self._doubt = False, 0
        elif self._reacts_in is not None:
            self._reacts_in -= 1
            if self._reacts_in == 0:
                self._drives, self._reacts_in, self._span, self._good = True, None, 0, 0
                self._helps += 1
        elif self._wants_to_help():
            self._reacts_in = config.reaction_steps

    def _wants_to_help(self) -> bool:
        config = self._config
        patience = 1 if self._number > config.hurry_after_steps else config.patience_steps
        tires = self._driven_steps >= config.most_share * self._seen_steps
        return self._doubt >= patience and self._helps < config.helps_per_episode and not tires


def _require(holds: bool, cause: str, cure: str) -> None:
    if not holds:
        raise ConfigError("simulated human", cause, cure)
