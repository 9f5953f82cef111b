"""TakeoverChooser: the policy acts, and somebody with a teleop device takes over by moving it.

This is the one place that decides which action ran and who chose it. Actions are relative to the pose that
was measured when they were chosen, so nothing jumps when the one who drives changes.
"""

from collections.abc import Callable

import numpy as np

from actor.choosers import Choice, Chooser
from robot_env.teleop.base import TeleopDevice
from shared.step import Observation, Source


class TakeoverChooser:
    """The device's action wherever it says one, else the policy's, which is asked in every period.

    Args:
        policy: acts while the device is silent.
        device: takes over by speaking, releases by silence.
        changed: called with True when a takeover begins and with False when it ends.

    Attributes:
        driving: whether the device chose the last action.
    """

    def __init__(
        self,
        policy: Chooser,
        device: TeleopDevice,
        changed: Callable[[bool], None] = lambda driving: None,
    ) -> None:
        self.driving = False
        self._policy, self._device, self._changed = policy, device, changed

    def begin(self, rng: np.random.Generator) -> None:
        """Both begin anew; that there is a device does not change what the policy draws."""
        self._policy.begin(rng)
        self._device.reset(rng.spawn(1)[0])
        self._drive(False)

    def choose(self, observation: Observation) -> Choice:
        """Which action runs, who chose it, and what each side proposed."""
        proposed = self._policy.choose(observation)
        said = self._device.read(observation)
        self._drive(said is not None)
        if said is None:
            return proposed
        action, source = np.asarray(said, np.float32), self._device.source
        return Choice(
            action=action,
            source=source,
            policy_action=proposed.policy_action,
            human_action=action if source is Source.HUMAN else None,
        )

    def _drive(self, driving: bool) -> None:
        if driving != self.driving:
            self.driving = driving
            self._changed(driving)
