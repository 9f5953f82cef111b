"""Intake: where a record becomes part of the run: the ledger judges, the log keeps, the sampler gets it."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from learner.log import read_log, restore_ledger
from learner.warm_up import WarmUp
from shared.codec import malformed
from shared.delivery import ReceiveLedger, Stream, Verdict
from shared.errors import EpisodeFileError, ProtocolError
from shared.interface import InterfaceSpec, require_equal, require_sound
from shared.records import LostRecord, Record, StepRecord, next_sequence, stream_of

log = logging.getLogger(__name__)

Arrivals = queue.SimpleQueue[tuple[int, Record]]
OnDurable = Callable[[Mapping[Stream, int]], None]


class RecordLog(Protocol):
    """What is asked of `learner.log.EpisodeLog`."""

    def append(self, record: Record) -> int: ...

    def check(self) -> None: ...

    def close(self, deadline_seconds: float) -> object: ...


OpenLog = Callable[[InterfaceSpec, OnDurable], RecordLog]


class Intake:
    """Records may be admitted by any thread; the log's order and the arrivals' order are the same.

    Args:
        open_log: opens the log once the interface is known; its `on_durable` may be called in any thread.
        warmup_steps: see `WarmUp`.
        on_durable: called after the ledger knows what is durable.

    Attributes:
        ledger: what was received of each stream.
        arrivals: (position in the log, record), in that order.
        interface: None until it is fixed.
    """

    def __init__(self, open_log: OpenLog, warmup_steps: int, on_durable: OnDurable) -> None:
        self.ledger = ReceiveLedger()
        self.arrivals: Arrivals = queue.SimpleQueue()
        self.interface: InterfaceSpec | None = None
        self._open_log = open_log
        self._on_durable = on_durable
        self._log: RecordLog | None = None
        self._warm_up = WarmUp(warmup_steps)
        self._layouts: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        self._action_shape = (0,)
        self._lock = threading.Lock()
        self._open = True

    def restore(self, directory: Path) -> int:
        """Take up the log of earlier lives before anything is admitted; returns how many records it has."""
        count = restore_ledger(directory, self.ledger)
        self._warm_up.restore(read_log(directory))
        return count

    def fix(self, interface: InterfaceSpec, whose: str) -> None:
        """The run's interface from now on; raises InterfaceMismatch where it is another one already.

        Raises:
            ConfigError: it describes no world.
        """
        require_sound(interface, whose)
        with self._lock:
            if self.interface is None:
                self._layouts = {e.name: (np.dtype(e.dtype), e.shape) for e in interface.observations}
                self._action_shape = (interface.action_size,)
                self._log = self._open_log(interface, self._mark_durable)
                self.interface = interface
                log.info("the interface is that of %s (%s)", whose, interface.fingerprint)
        require_equal(self.interface, interface, "learner", whose)

    def admit(self, records: Iterable[Record]) -> None:
        """Store what is new; what comes after a gap in its stream is left out, and comes again."""
        with self._lock:
            for record in records:
                self._admit(record)

    def admit_file(self, records: Iterable[Record]) -> None:
        """Store what is new in a file, which may be cut or damaged: what it lacks counts as lost.

        Raises:
            EpisodeFileError: a step does not follow the interface; then nothing is stored.
        """
        records = list(records)
        try:
            for record in records:
                self.require_layout(record)
        except ProtocolError as error:
            cure = "record it again with `handson demo` for this task, or leave its file out of the demos"
            raise EpisodeFileError("demonstrations", error.cause, cure) from None
        with self._lock:
            for record in records:
                received = self.ledger.received(stream_of(record))
                if record.sequence > received:
                    self._admit(_missing_before(record, received))
                if next_sequence(record) > received:
                    self._admit(record)

    def require_layout(self, record: Record) -> None:
        """Raise ProtocolError for a step that does not follow the interface; NaN is let through."""
        if not isinstance(record, StepRecord):
            return
        step, size = record.step, self._action_shape
        for observation in (step.observation, step.final_observation):
            if observation is not None:
                self._require_entries(record, observation)
        for action in (step.chosen_action, step.policy_action, step.human_action):
            if action is not None and (action.dtype != np.float32 or action.shape != size):
                raise malformed(f"{record.identity} has an action of {action.dtype}{list(action.shape)}")
        command = step.executed_command
        if command.dtype != np.float32 or command.ndim != 1:
            raise malformed(f"{record.identity} has a command of {command.dtype}{list(command.shape)}")

    def free_steps(self, stream: Stream) -> int:
        """See `WarmUp`."""
        with self._lock:
            return self._warm_up.free_steps(stream)

    def check(self) -> None:
        """Raise what ended the log's thread, if anything did."""
        if self._log is not None:
            self._log.check()

    def close(self, deadline_seconds: float) -> None:
        """Admit nothing more and make what was admitted durable."""
        with self._lock:
            self._open = False
        if self._log is not None:
            self._log.close(deadline_seconds)

    def _admit(self, record: Record) -> Verdict | None:
        if not self._open or self._log is None:
            return None
        verdict = self.ledger.accept_record(record)
        if verdict is Verdict.NEW:
            self._warm_up.observe(record)
            self.arrivals.put((self._log.append(record), record))
        return verdict

    def _mark_durable(self, covered: Mapping[Stream, int]) -> None:
        for stream, sequence in covered.items():
            self.ledger.mark_durable(stream, sequence)
        self._on_durable(covered)

    def _require_entries(self, record: StepRecord, observation: Mapping[str, np.ndarray[Any, Any]]) -> None:
        if observation.keys() != self._layouts.keys():
            raise malformed(f"{record.identity} observes {list(observation)}, not {list(self._layouts)}")
        for name, array in observation.items():
            if (array.dtype, array.shape) != self._layouts[name]:
                raise malformed(f"{record.identity} observes {name!r} as {array.dtype}{list(array.shape)}")


def _missing_before(record: Record, received: int) -> LostRecord:
    actor_id, incarnation = stream_of(record)
    return LostRecord(
        actor_id=actor_id,
        incarnation=incarnation,
        sequence=received,
        time_seconds=record.time_seconds,
        count=record.sequence - received,
        cause="missing in the file",
    )
