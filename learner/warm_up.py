"""How far each actor may run before updates set its pace: its part of the warm-up, as it came in."""

from collections.abc import Iterable

from shared.delivery import Stream
from shared.records import LostRecord, Record, StepRecord, stream_of
from shared.step import EpisodeKind


class WarmUp:
    """Counts training steps in log order until the warm-up is full. Owned by one thread.

    Args:
        steps: training steps that earn no update.
    """

    def __init__(self, steps: int) -> None:
        self.left = steps
        self._shares: dict[Stream, int] = {}

    def observe(self, record: Record) -> None:
        """Take in a record; what was lost fills a share as its actor counted it, but not the warm-up."""
        if self.left == 0:
            return
        if isinstance(record, StepRecord) and record.kind is EpisodeKind.TRAINING:
            self.left -= 1
            self._add(stream_of(record), 1)
        elif isinstance(record, LostRecord):
            self._add(stream_of(record), record.count)

    def restore(self, records: Iterable[Record]) -> None:
        """Take in the log of earlier lives, and no more of it than the warm-up is long."""
        for record in records:
            if self.left == 0:
                return
            self.observe(record)

    def free_steps(self, stream: Stream) -> int:
        """Training steps of this stream that the warm-up holds or still has room for."""
        return self._shares.get(stream, 0) + self.left

    def _add(self, stream: Stream, steps: int) -> None:
        self._shares[stream] = self._shares.get(stream, 0) + steps
