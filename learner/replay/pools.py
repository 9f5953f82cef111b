"""The two stores of a learner, and which record goes into which: practice, and what was demonstrated."""

from collections import deque
from collections.abc import Sequence

from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.replay.origin import took_over
from learner.replay.store import ReplayStore
from shared.delivery import Stream
from shared.records import AmendRecord, LostRecord, Record, StepRecord, stream_of
from shared.step import EpisodeKind


class Pools:
    """Applies records in log order. Its contents depend on nothing but those records. Owned by one thread.

    Attributes:
        online: every training step; the oldest leave first.
        pinned: demos, and training steps that a person drove; the oldest of the latter leave first.
        demo_steps: demonstrated steps taken so far.
        unknown_amends: corrections of steps that are in neither store.
    """

    def __init__(self, layout: BatchLayout, config: ReplayConfig, maps: MapSource | None = None) -> None:
        self.online = ReplayStore(layout, config.online_rows, maps)
        self.pinned = ReplayStore(layout, config.pinned_rows, maps)
        self.demo_steps = 0
        self.unknown_amends = 0
        self._earlier = layout.frame_stack - 1
        self._newest: dict[Stream, deque[StepRecord]] = {}

    def apply(self, record: Record) -> None:
        """Take one record; evaluation steps are not kept."""
        match record:
            case StepRecord(kind=EpisodeKind.TRAINING):
                self._practise(record)
            case StepRecord(kind=EpisodeKind.DEMO):
                self.pinned.append(record, kept=True)
                self.demo_steps += 1
            case AmendRecord():
                found = [store.amend(record) for store in (self.online, self.pinned)]
                self.unknown_amends += not any(found)
            case LostRecord():
                self.online.cut(stream_of(record))
                self.pinned.cut(stream_of(record))
            case _:
                pass

    def _practise(self, record: StepRecord) -> None:
        self.online.append(record)
        if took_over(record):
            self.pinned.append(record, lead=self._lead(record))
        else:
            self.pinned.append_observation(record)
        self._newest.setdefault(stream_of(record), deque(maxlen=self._earlier)).append(record)

    def _lead(self, record: StepRecord) -> Sequence[StepRecord]:
        """The steps just before this one that a stack of frames shows: a correction begins in mid-episode."""
        steps: list[StepRecord] = []
        before = record.identity
        for earlier in reversed(self._newest.get(stream_of(record), ())):
            before = before._replace(step=before.step - 1)
            if earlier.identity != before:
                break
            steps.insert(0, earlier)
        return steps
