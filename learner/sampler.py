"""Sampler: the thread that owns the replay, and prepares update calls before the trainer asks for them.

On a simulated clock a call sees exactly the shortest prefix of the log whose training steps pay for it,
whenever they came, and its rows are drawn by (seed, call). So the same log gives the same batches, bit by
bit, and a run that goes on from a position in the log is as one that never stopped. On a wall clock a call
sees all that has arrived.
"""

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from learner.prepared_call import PreparedCall
from learner.ratio import Ratio, RatioConfig, require_first_call
from learner.replay.batch import TransitionBatch
from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapsInterrupted, MapSource
from learner.replay.pools import Pools
from learner.replay.sampling import Plan, gather, generator, plan
from learner.watching.watch import Watch
from shared.delivery import Stream
from shared.errors import CheckpointError, ConfigError
from shared.records import LostRecord, Record, StepRecord, stream_of
from shared.step import EpisodeKind

log = logging.getLogger(__name__)

STAGE = "sampler"
TURN_SECONDS = 0.05

Arrivals = queue.SimpleQueue[tuple[int, Record]]
Numbered = tuple[int, Record]
Witness = Callable[[int, Plan, Pools], None]


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """What a minibatch is made of."""

    batch_size: int = 256
    """Transitions in one minibatch: one critic update."""
    demo_share: float = 0.5
    """Exact share of every minibatch that comes from demos and corrections, while there are any."""
    min_rows: int = 1
    """Transitions of practice that must be there before the first call."""
    queue_depth: int = 2
    """Calls that are prepared ahead."""
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    """How much is kept."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "min_rows", "queue_depth"):
            if getattr(self, name) < 1:
                raise ConfigError(STAGE, f"{name} is {getattr(self, name)}", f"set {name} to at least 1")
        if not 0 <= self.demo_share <= 1:
            raise ConfigError(
                STAGE, f"demo_share is {self.demo_share}", "choose a share in [0, 1]; RLPD takes 0.5"
            )
        if self.min_rows > self.replay.online_rows // 2:
            raise ConfigError(
                STAGE,
                f"min_rows is {self.min_rows}, online_rows only {self.replay.online_rows}",
                "set min_rows to at most half of online_rows",
            )


class Sampler:
    """Call `restore`, where there is a log already, then `start`; after that it owns itself.

    Args:
        arrivals: (position, record) in log order, put by another thread.
        device_put: copies a batch to where the updates run.
        n_step, discount: of the returns, as the agent is configured.
        maps: the frozen trunk, where the layout shows its maps.
        attainable: the least and the most return, where the recorded rewards do not tell.
        witness: shown (first update, plan, pools) of each call before its rows are gathered.
    """

    def __init__(
        self,
        layout: BatchLayout,
        config: SamplerConfig,
        ratio: RatioConfig,
        *,
        seed: int,
        n_step: int,
        discount: float,
        arrivals: Arrivals,
        device_put: Callable[[TransitionBatch], TransitionBatch],
        maps: MapSource | None = None,
        attainable: tuple[float, float] | None = None,
        witness: Witness | None = None,
    ) -> None:
        require_first_call(ratio, config.min_rows)
        self._closing = threading.Event()
        self.pools = Pools(layout, config.replay, maps and maps.until(self._closing.is_set))
        self.watch = Watch(layout.interface, discount, attainable)
        self.ratio = Ratio(ratio)
        self.position = 0
        self._config = config
        self._seed, self._n_step, self._discount = seed, n_step, discount
        self._arrivals = arrivals
        self._device_put = device_put
        self._witness = witness
        self._call = 0
        self._consumed: dict[Stream, int] = {}
        self._lost_since_call = False
        self._starved = False
        self._backlog: Iterator[Numbered] = iter(())
        self._prepared: queue.Queue[PreparedCall] = queue.Queue(config.queue_depth)
        self._draining = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    @property
    def consumed(self) -> dict[Stream, int]:
        """Training steps of each stream that were taken in so far, lost ones included."""
        return dict(self._consumed)

    def stranded(self) -> dict[Stream, int] | None:
        """`consumed`, where steps were lost that a call was waiting for, and nothing is left to call with.

        The actors count what was lost as made: without this they would wait for that call for ever.
        """
        consumed = self.consumed
        return consumed if self._lost_since_call and self._starved and self._prepared.empty() else None

    @property
    def finished(self) -> bool:
        """Whether all that `drain` asked for has been handed out."""
        return self._draining.is_set() and not self._thread.is_alive() and self._prepared.empty()

    def restore(
        self,
        records: Iterator[Numbered],
        *,
        position: int,
        ratio: Mapping[str, int | float] | None = None,
        call: int = 0,
    ) -> None:
        """Go on after `call` calls at this position of the log; later records come before all arrivals.

        Raises:
            CheckpointError: the log ends before the position.
            ConfigError: more updates were made than the ratio, as configured now, allows.
        """
        for number, record in records:
            if number >= position:
                self._backlog = itertools.chain([(number, record)], records)
                break
            self._take(number, record)
        if self.position != position:
            raise CheckpointError(
                STAGE,
                f"the checkpoint was made after {position} records, the episode log holds {self.position}",
                "restore the run's episodes directory, or resume from an older checkpoint",
            )
        self.ratio = Ratio(self.ratio.config, ratio)
        self.ratio.require_paid()
        self._call = call

    def start(self) -> None:
        """Begin to prepare calls."""
        self._thread.start()

    def next(self, timeout_seconds: float) -> PreparedCall | None:
        """The next call; None when there is none in time."""
        try:
            return self._prepared.get(timeout_seconds > 0, timeout_seconds or None)
        except queue.Empty:
            return None

    def drain(self) -> None:
        """No more will arrive: prepare the calls that are paid for, then end; see `finished`."""
        self._draining.set()

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self, deadline_seconds: float) -> bool:
        """End the thread; False when the deadline came first."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.warning("the sampler did not end within %.1f s", deadline_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._advance():
                self._offer(self._prepare())
        except MapsInterrupted:
            pass  # closing
        except BaseException as error:  # noqa: BLE001 - raised by check() in the thread that asks
            self._failure = error

    def _advance(self) -> bool:
        """Apply what the next call is to see; False when there will be no next call."""
        if self.ratio.config.clock == "wall":
            while not self._closing.is_set() and (numbered := self._arrived()) is not None:
                self._apply(*numbered)
        while not self._callable():
            numbered = self._await_record()
            if numbered is None:
                return False
            self._apply(*numbered)
        return not self._closing.is_set()

    def _callable(self) -> bool:
        return self.ratio.ready() and len(self.pools.online.sampleable) >= self._config.min_rows

    def _await_record(self) -> Numbered | None:
        """The next record of the log; None when closing, or when draining and there is no more."""
        while not self._closing.is_set():
            numbered = self._arrived(TURN_SECONDS)
            self._starved = numbered is None
            if numbered is not None or self._draining.is_set():
                return numbered
        return None

    def _arrived(self, timeout_seconds: float = 0.0) -> Numbered | None:
        numbered = next(self._backlog, None)
        if numbered is not None:
            return numbered
        try:
            return self._arrivals.get(timeout_seconds > 0, timeout_seconds or None)
        except queue.Empty:
            return None

    def _apply(self, number: int, record: Record) -> None:
        self._take(number, record)
        if isinstance(record, StepRecord) and record.kind is EpisodeKind.TRAINING:
            self.ratio.observe_training_step()

    def _take(self, number: int, record: Record) -> None:
        if number != self.position:
            raise ValueError(f"record {number} of the log came where {self.position} is next")
        self.position = number + 1
        self.pools.apply(record)
        self.watch.take(record)
        self._lost_since_call |= isinstance(record, LostRecord)
        steps = _steps_used(record)
        if steps:
            stream = stream_of(record)
            self._consumed[stream] = self._consumed.get(stream, 0) + steps

    def _prepare(self) -> PreparedCall:
        updates, first_update = self.ratio.config.call_updates, self.ratio.updates
        batch = self._device_put(self._draw(updates))
        self.ratio.spend()
        self._lost_since_call = False
        prepared = PreparedCall(
            call=self._call,
            first_update=first_update,
            batch=batch,
            position=self.position,
            ratio=self.ratio.to_dict(),
            consumed=self.consumed,
        )
        self._call += 1
        return prepared

    def _draw(self, updates: int) -> TransitionBatch:
        online, pinned = self.pools.online, self.pools.pinned
        rows = plan(
            generator(self._seed, self._call),
            online.sampleable,
            pinned.sampleable,
            batch_size=self._config.batch_size,
            updates=updates,
            demo_share=self._config.demo_share,
            map_choices=online.map_choices,
        )
        if self._witness is not None:
            self._witness(self.ratio.updates, rows, self.pools)
        return gather(rows, online, pinned, n_step=self._n_step, discount=self._discount)

    def _offer(self, prepared: PreparedCall) -> None:
        while not self._closing.is_set():
            try:
                self._prepared.put(prepared, timeout=TURN_SECONDS)
                return
            except queue.Full:
                pass


def _steps_used(record: Record) -> int:
    if isinstance(record, LostRecord):
        return record.count
    return int(isinstance(record, StepRecord) and record.kind is EpisodeKind.TRAINING)
