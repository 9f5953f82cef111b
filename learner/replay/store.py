"""ReplayStore: steps in rows, each observation kept once, next observations found by link.

A row's next observation is another row, named by `next_row`: rows of several actors lie interleaved, so
"index + 1" may be a stranger's. A link is made only between consecutive steps of one episode of one stream,
and rows leave in the order in which they came, so no link dangles. What followed a last step is a row that
holds nothing but that observation. `previous_row` is the same link backwards, for stacks of frames.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from learner.replay.batch import TransitionBatch
from learner.replay.buffers import BatchBuffers, empty_buffers
from learner.replay.gripper_rewards import GripperLedger
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.replay.observations import Block, EntryBlock, ObservationBlocks
from learner.replay.origin import imitable, took_over
from learner.replay.returns import NONE, Floats, Path, Rows, walk
from learner.replay.row_set import RowSet
from shared.delivery import Stream
from shared.records import AmendRecord, StepRecord, stream_of
from shared.step import Observation, StepId, Why

BYTES_PER_QUEUED_ROW = 40
ROW = np.dtype(
    [
        ("reward", np.float32),
        ("imitate", np.float32),
        ("intervention", np.float32),
        ("terminated", np.bool_),
        ("truncated", np.bool_),
        ("fault", np.bool_),
        ("finite_observation", np.bool_),
        ("finite_action", np.bool_),
        ("next_row", np.int64),
        ("previous_row", np.int64),
        ("motion", np.int64),
        ("serial", np.int64),
        ("stream", np.int64),
        ("episode", np.int64),
        ("step", np.int64),
    ],
    align=True,
)


class Ongoing(NamedTuple):
    """The last row of an episode that goes on; `serial` tells whether that row was overwritten since."""

    episode: int
    step: int
    row: int
    serial: int


class ReplayStore:
    """Rows of transitions. Owned by one thread.

    A row can be sampled once its step is finite and either the world ended with it, or its next observation
    is here and finite. A step that ended in a fault never can. A full store overwrites its oldest row that is
    not kept, and its oldest kept one where there is no other.

    Attributes:
        layout: what its rows hold, and how batches show it.
        capacity_rows: how many there can be, those that hold only an observation included.
        sampleable: the rows that can be sampled.
        nonfinite: rows that came with a number that is not finite.
    """

    def __init__(self, layout: BatchLayout, capacity_rows: int, maps: MapSource | None = None) -> None:
        self.layout = layout
        self.capacity_rows = capacity_rows
        self.sampleable = RowSet(capacity_rows)
        self.nonfinite = 0
        self._observations = ObservationBlocks(layout, capacity_rows, maps)
        self._action = np.zeros((capacity_rows, layout.interface.action_size), np.float32)
        self._rows = np.zeros(capacity_rows, ROW)
        links, states = self._rows["next_row"], self._observations.states
        self._grippers = GripperLedger(layout.grippers, states, links) if layout.grippers else None
        self._rows["next_row"] = self._rows["previous_row"] = self._rows["stream"] = NONE
        self._ordinary: deque[int] = deque()
        self._kept: deque[int] = deque()
        self._written = 0
        self._ongoing: dict[Stream, Ongoing] = {}
        self._stream_numbers: dict[Stream, int] = {}

    def __len__(self) -> int:
        return len(self._ordinary) + len(self._kept)

    @property
    def nbytes(self) -> int:
        """Bytes it takes when full."""
        blocks = [self._observations, self._action, self._rows, self.sampleable]
        own = sum(block.nbytes for block in (*blocks, *([self._grippers] if self._grippers else [])))
        return own + self.capacity_rows * BYTES_PER_QUEUED_ROW

    @property
    def map_choices(self) -> tuple[int, int]:
        """(C, M): cameras of which batches show maps, and among how many shifts of each they choose."""
        return self._observations.map_choices

    def append(self, record: StepRecord, *, kept: bool = False, lead: Sequence[StepRecord] = ()) -> None:
        """Take one step, and its final observation where it has one. Kept rows leave after all others.

        `lead`: the steps just before it, the oldest first. Where the step before is not here they take rows,
        which are no samples, so that stacks show what the actor saw.
        """
        stream, step = stream_of(record), record.step
        if lead and not self._precedes(self._ongoing.get(stream), record):
            for earlier in lead:
                self._ongoing[stream] = self._observe(earlier, kept)
        this = self._observe(record, kept)
        self._write_step(this.row, record)
        self._judge(this.row)
        if not step.last:
            self._ongoing[stream] = this
        elif step.final_observation is not None:
            self._link(this, self._new_row(step.final_observation, kept))

    def append_observation(self, record: StepRecord, *, kept: bool = False) -> None:
        """Take only what this step observed, as the next observation of the step before, if that is here."""
        stream = stream_of(record)
        if self._precedes(self._ongoing.get(stream), record):
            self._observe(record, kept)
        self.cut(stream)

    def cut(self, stream: Stream) -> None:
        """The stream's episode does not go on here: its last row gets no further next observation."""
        self._ongoing.pop(stream, None)

    def amend(self, amend: AmendRecord) -> bool:
        """Correct the step that it names; False when that step is not here."""
        row = self._find(amend.target)
        if row is None:
            return False
        if amend.reward is not None:
            self._rows["reward"][row] = amend.reward
        if amend.terminated is not None:
            self._rows["terminated"][row] = amend.terminated
        if amend.truncated is not None:
            self._rows["truncated"][row] = amend.truncated
        if amend.why is not None:
            self._rows["fault"][row] = amend.why is Why.FAULT
        self._judge(row)
        return True

    def gather(self, rows: Rows, n_step: int, discount: float) -> TransitionBatch:
        """Transitions that start at `rows`, (U, B), each in `sampleable`, maps at their first shift."""
        buffers = empty_buffers(self.layout, *rows.shape)
        shifts = np.zeros((2, self.map_choices[0], *rows.shape), np.int64)
        self.fill(buffers, slice(None), rows, shifts, n_step, discount)
        return buffers.batch()

    def frames(self, rows: Rows) -> tuple[dict[str, Block], Rows]:
        """The frames (N, H, W, 3) of each camera in `rows` (N,), and what names their shifts (N,)."""
        return self._observations.frames(rows), self._rows["motion"][rows]

    def fill(
        self, out: BatchBuffers, columns: slice, rows: Rows, shifts: Rows, n_step: int, discount: float
    ) -> None:
        """Copy the transitions that start at `rows`, (U, b), into these columns (second axis) of `out`.

        `shifts`, (2, C, U, b), chooses the maps of each camera, of observations and of next observations.

        n-step returns: up to `n_step` rewards along the links, discounted; fewer where the episode ends, the
        data ends or a step cannot be sampled. The discount to that power, or 0 where the world ended.
        """
        path = walk(self._rows, self.sampleable, rows, n_step)
        out.reward[:, columns] = path.total(self._rows["reward"].__getitem__, discount)
        if self._grippers is not None and out.gripper_reward is not None:
            out.gripper_reward[:, columns] = path.total(self._grippers.of, discount)
        out.discount[:, columns], next_rows = self._continuation(path, discount)
        out.imitate[:, columns] = self._rows["imitate"][rows]
        out.intervention[:, columns] = self._rows["intervention"][rows]
        sources = self._sources(rows, next_rows, shifts)
        for update, here in enumerate(rows):
            self._action.take(here, 0, out.action[update, columns], "clip")
            for name, block, (seen, seen_next) in sources:
                block.take(seen[update], 0, out.observation[name][update, columns], "clip")
                block.take(seen_next[update], 0, out.next_observation[name][update, columns], "clip")

    def _sources(self, rows: Rows, next_rows: Rows, shifts: Rows) -> list[EntryBlock]:
        """Where all entries of these observations and next observations are."""
        sources = self._observations.vectors((rows, next_rows))
        if not self._observations.has_images:
            return sources
        stacks = self._stacks(rows), self._stacks(next_rows)
        return sources + self._observations.images(stacks, shifts, self._rows["motion"])

    def _stacks(self, rows: Rows) -> Rows:
        """(..., T): each row behind its predecessors, the earliest repeated for those that are not here."""
        stacks = [rows]
        for _ in range(self.layout.frame_stack - 1):
            before = self._rows["previous_row"][stacks[0]]
            stacks.insert(0, np.where(before == NONE, stacks[0], before))
        return np.stack(stacks, -1)

    def _continuation(self, path: Path, discount: float) -> tuple[Floats, Rows]:
        """(discount, next row) of the transitions along `path`."""
        powers = np.power(discount, np.arange(len(path.steps) + 1)).astype(np.float32)
        after = self._rows["next_row"][path.last]
        terminated = self._rows["terminated"][path.last]
        usable = (after != NONE) & self._rows["finite_observation"][after]
        factor = np.where(terminated, np.float32(0.0), powers[path.lengths])
        return factor, np.where(terminated & ~usable, path.last, after)

    def _new_row(self, observation: Observation, kept: bool) -> int:
        row = self._free_row()
        (self._kept if kept else self._ordinary).append(row)
        self._rows["serial"][row] = self._rows["motion"][row] = self._written
        self._written += 1
        finite = self._observations.write(row, observation)
        self._rows["finite_observation"][row], self._rows["finite_action"][row] = finite, False
        self.nonfinite += not finite
        return row

    def _free_row(self) -> int:
        if len(self) < self.capacity_rows:
            return len(self)
        row = (self._ordinary or self._kept).popleft()
        self.sampleable.put(row, False)
        if (after := self._rows["next_row"][row]) != NONE:
            self._rows["previous_row"][after] = NONE
        for link in ("next_row", "previous_row", "stream"):
            self._rows[link][row] = NONE
        return row

    def _write_step(self, row: int, record: StepRecord) -> None:
        step, name = record.step, record.identity
        self._rows["stream"][row] = self._stream_numbers.setdefault(
            stream_of(record), len(self._stream_numbers)
        )
        self._rows["episode"][row], self._rows["step"][row] = name.episode, name.step
        self._action[row] = step.chosen_action
        self._rows["reward"][row] = self._grippers.enter(row, step) if self._grippers else step.reward
        self._rows["imitate"][row], self._rows["intervention"][row] = imitable(record), took_over(record)
        self._rows["terminated"][row], self._rows["truncated"][row] = step.terminated, step.truncated
        self._rows["fault"][row] = step.why is Why.FAULT
        finite = bool(np.isfinite(step.chosen_action).all())
        self._rows["finite_action"][row] = finite
        self.nonfinite += self._rows["finite_observation"][row] and not (
            finite and math.isfinite(step.reward)
        )

    def _observe(self, record: StepRecord, kept: bool) -> Ongoing:
        """A row of what this step observed, and the next one of the stream's step before it."""
        row, name = self._new_row(record.step.observation, kept), record.identity
        before = self._ongoing.pop(stream_of(record), None)
        if before is not None and self._precedes(before, record):
            self._link(before, row)
        return Ongoing(name.episode, name.step, row, int(self._rows["serial"][row]))

    def _link(self, before: Ongoing, row: int) -> None:
        """Make `row` the next one, unless the row before has just been overwritten to make room for it."""
        if self._is_here(before):
            self._rows["next_row"][before.row] = row
            self._rows["previous_row"][row] = before.row
            if self.layout.frame_stack > 1:  # a stack moves as one
                self._rows["motion"][row] = self._rows["motion"][before.row]
            self._judge(before.row)

    def _precedes(self, before: Ongoing | None, record: StepRecord) -> bool:
        name = record.identity
        return (
            before is not None
            and self._is_here(before)
            and (before.episode, before.step + 1) == (name.episode, name.step)
        )

    def _is_here(self, place: Ongoing) -> bool:
        return bool(self._rows["serial"][place.row] == place.serial)

    def _judge(self, row: int) -> None:
        """Decide whether a row can be sampled, after anything about it changed."""
        after = self._rows["next_row"][row]
        sound = (
            self._rows["finite_observation"][row]
            and self._rows["finite_action"][row]
            and np.isfinite(self._rows["reward"][row])
        )
        followed = self._rows["terminated"][row] or (
            after != NONE and self._rows["finite_observation"][after]
        )
        self.sampleable.put(row, bool(sound and followed and not self._rows["fault"][row]))

    def _find(self, target: StepId) -> int | None:
        number = self._stream_numbers.get(target[:2], NONE - 1)
        named = zip(("stream", "episode", "step"), (number, target.episode, target.step), strict=True)
        hits = np.flatnonzero(np.logical_and.reduce([self._rows[name] == value for name, value in named]))
        return int(hits[0]) if len(hits) else None
