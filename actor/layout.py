"""Layout: what a step must look like so that spool, wire and learner accept it. Checked at every step."""

import numpy as np

from shared.errors import ObservationError
from shared.interface import InterfaceSpec
from shared.step import Observation, Step

_STAGE = "uplink"
_FLOAT32 = np.dtype(np.float32)


class Layout:
    """Shapes and types of one interface; values are not looked at."""

    def __init__(self, interface: InterfaceSpec) -> None:
        self._entries = {entry.name: (np.dtype(entry.dtype), entry.shape) for entry in interface.observations}
        self._action = (interface.action_size,)

    def require(self, step: Step) -> None:
        """Raises ObservationError for a step that is not of this interface."""
        self._require_observation(step.observation)
        if step.final_observation is not None:
            self._require_observation(step.final_observation)
        for action in (step.chosen_action, step.policy_action, step.human_action):
            if action is not None and (action.dtype != _FLOAT32 or action.shape != self._action):
                raise _wrong(
                    f"an action is {action.dtype}{list(action.shape)}, not float32{list(self._action)}"
                )
        command = step.executed_command
        if command.dtype != _FLOAT32 or command.ndim != 1:
            raise _wrong(f"the command is {command.dtype}{list(command.shape)}, not a float32 vector")

    def _require_observation(self, observation: Observation) -> None:
        if observation.keys() != self._entries.keys():
            raise _wrong(f"it observes {sorted(observation)}, not {sorted(self._entries)}")
        for name, (dtype, shape) in self._entries.items():
            array = observation[name]
            if array.dtype != dtype or array.shape != shape:
                raise _wrong(f"{name!r} is {array.dtype}{list(array.shape)}, not {dtype}{list(shape)}")


def _wrong(cause: str) -> ObservationError:
    return ObservationError(
        _STAGE, f"a step is not of this interface: {cause}", "give what the interface says"
    )
