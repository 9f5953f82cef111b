"""PreparedCall: what the sampler hands to the trainer."""

from collections.abc import Mapping
from dataclasses import dataclass

from learner.replay.batch import TransitionBatch
from shared.delivery import Stream


@dataclass(frozen=True, kw_only=True)
class PreparedCall:
    """One update call, ready to run.

    Attributes:
        call: counted from 0 over the whole run.
        first_update: critic updates before this call.
        batch: U minibatches, on the device.
        position: how many records of the log it saw; with `ratio`, where to go on after it.
        ratio: the ratio's state after it.
        consumed: training steps of each stream among those records, lost ones included.
    """

    call: int
    first_update: int
    batch: TransitionBatch
    position: int
    ratio: dict[str, int | float]
    consumed: Mapping[Stream, int]
