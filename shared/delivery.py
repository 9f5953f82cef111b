"""Exactly-once bookkeeping for streams of records: no sockets, no clock, no threads of its own.

A stream is (actor id, incarnation); its records carry sequences 0, 1, 2, ... without gaps. The actor holds
one `SendWindow` a stream and sends in order (go-back-N, bounded in flight); the learner holds one
`ReceiveLedger` and stores only what comes next. Two watermarks travel back, each the next sequence expected:
`received`, from which the actor sends again after a break, and `durable`, below which it may forget. What can
no longer be sent is reported as a lost span, so that both sides count it and the stream goes on.
"""

import threading
from dataclasses import asdict, dataclass, fields
from enum import Enum, auto

from shared.records import LostRecord, Record, next_sequence, stream_of

Stream = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LostSpan:
    """Sequences `first` up to, not including, `end` that can no longer be delivered."""

    first: int
    end: int
    cause: str

    def below(self, watermark: int) -> int:
        """How many of its sequences lie below the watermark."""
        return max(0, min(self.end, watermark) - self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCounters:
    """Counts of records: `produced == received + lost` once a stream is delivered.

    The learner's `produced` is what it has heard of; the actor's `duplicate` is what it sent more than once.
    """

    produced: int = 0
    received: int = 0
    durable: int = 0
    duplicate: int = 0
    lost: int = 0

    def __add__(self, other: "DeliveryCounters") -> "DeliveryCounters":
        return DeliveryCounters(
            produced=self.produced + other.produced,
            received=self.received + other.received,
            durable=self.durable + other.durable,
            duplicate=self.duplicate + other.duplicate,
            lost=self.lost + other.lost,
        )

    def as_dict(self) -> dict[str, int]:
        """The counts by name, as Goodbye and Farewell carry them."""
        return asdict(self)


class SendWindow:
    """The actor's side of one stream.

    Always `received <= sent <= produced`, and at most `limit` records are in flight (sent, not received).
    """

    def __init__(self, *, kept_from: int = 0, produced: int = 0, limit: int = 256) -> None:
        if not 0 <= kept_from <= produced or limit < 1:
            raise ValueError(f"kept_from {kept_from}, produced {produced}, limit {limit}")
        self.produced = produced
        self.kept_from = kept_from
        self.sent = kept_from
        self.received = kept_from
        self.durable = kept_from
        self.duplicate = 0
        self._limit = limit
        self._highest_sent = 0
        self._lost: list[LostSpan] = []

    @property
    def in_flight(self) -> int:
        """Records sent and not yet received."""
        return self.sent - self.received

    @property
    def lost_spans(self) -> tuple[LostSpan, ...]:
        """What can no longer be delivered, in order."""
        return tuple(self._lost)

    def produce(self, count: int = 1) -> None:
        """`count` more records exist."""
        self.produced += count

    def next_span(self, most: int) -> range | LostSpan | None:
        """What to send now: up to `most` sequences, or a span to report as lost, or nothing yet."""
        if (lost := self._lost_at(self.sent)) is not None:
            return LostSpan(self.sent, lost.end, lost.cause)
        ahead = [span.first for span in self._lost if span.first > self.sent]
        end = min([self.produced, self.sent + most, self.received + self._limit, *ahead])
        return range(self.sent, end) if end > self.sent else None

    def mark_sent(self, end: int) -> None:
        """Everything below `end` has been handed to the link."""
        if not self.sent <= end <= self.produced:
            raise ValueError(f"sent up to {end}, of {self.produced}, after {self.sent}")
        if self._lost_at(self.sent) is None:
            self.duplicate += max(0, min(end, self._highest_sent) - self.sent)
        self.sent = end
        self._highest_sent = max(self._highest_sent, end)

    def acknowledge(self, received: int, durable: int) -> bool:
        """Take an Ack of this conversation; late ones change nothing. True when a watermark rose."""
        received = min(received, self.produced)
        durable = min(durable, received)
        rose = received > self.received or durable > self.durable
        self.received = max(self.received, received)
        self.durable = max(self.durable, durable)
        self.sent = max(self.sent, self.received)
        return rose

    def resend(self) -> None:
        """Nothing is coming back: send again from the received watermark."""
        self.sent = self.received

    def welcome(self, received: int, durable: int) -> None:
        """Begin a conversation from the learner's watermarks, which may lie behind earlier ones."""
        self.produced = max(self.produced, received)
        self.received = self.sent = received
        self.durable = min(durable, received)
        if received < self.kept_from:
            self.lose(received, self.kept_from, "released as durable, which the learner no longer has")

    def lose(self, first: int, end: int, cause: str) -> None:
        """Sequences `first` up to `end` cannot be read any more; spans that touch become one."""
        touching = [span for span in self._lost if span.first <= end and first <= span.end]
        first, end = min([first, *(s.first for s in touching)]), max([end, *(s.end for s in touching)])
        rest = [span for span in self._lost if span not in touching]
        self._lost = sorted([*rest, LostSpan(first, end, cause)], key=lambda span: span.first)

    def release(self, kept_from: int) -> None:
        """Records below `kept_from` are gone from this computer; they must be durable."""
        if kept_from > max(self.durable, self.kept_from):
            raise ValueError(f"release of {kept_from}, durable is {self.durable}")
        self.kept_from = max(self.kept_from, kept_from)

    def counters(self) -> DeliveryCounters:
        """Counts of this stream as the actor knows them."""
        return DeliveryCounters(
            produced=self.produced,
            received=self.received - sum(span.below(self.received) for span in self._lost),
            durable=self.durable - sum(span.below(self.durable) for span in self._lost),
            duplicate=self.duplicate,
            lost=sum(span.end - span.first for span in self._lost),
        )

    def _lost_at(self, sequence: int) -> LostSpan | None:
        return next((span for span in self._lost if span.first <= sequence < span.end), None)


class Verdict(Enum):
    """Store it; drop it; or drop it, for what comes before it is missing and both will be sent again."""

    NEW = auto()
    DUPLICATE = auto()
    GAP = auto()


class _Account:
    """One stream in the ledger."""

    def __init__(self) -> None:
        self.received = 0
        self.durable = 0
        self.duplicate = 0
        self.lost: list[LostSpan] = []

    def counters(self) -> DeliveryCounters:
        """Counts of this stream as the learner knows them."""
        return DeliveryCounters(
            produced=self.received,
            received=self.received - sum(span.below(self.received) for span in self.lost),
            durable=self.durable - sum(span.below(self.durable) for span in self.lost),
            duplicate=self.duplicate,
            lost=sum(span.below(self.received) for span in self.lost),
        )


class ReceiveLedger:
    """The learner's side of all streams. Every method may be called from any thread.

    On NEW append the record to the log; on DUPLICATE and GAP drop it; after any of them send `Ack` with both
    watermarks. The log thread calls `mark_durable` after its sync.
    """

    def __init__(self) -> None:
        self._accounts: dict[Stream, _Account] = {}
        self._lock = threading.Lock()

    def accept(self, stream: Stream, first_sequence: int, count: int = 1, *, lost: str = "") -> Verdict:
        """Judge `count` sequences, all or none; `lost` is the cause where the actor reports them as lost.

        A lost span that begins below the watermark and ends above is a GAP: it comes again, clipped.
        """
        if first_sequence < 0 or count < 1:
            raise ValueError(f"sequence {first_sequence}, count {count}")
        with self._lock:
            account = self._accounts.setdefault(stream, _Account())
            end = first_sequence + count
            if end <= account.received:
                account.duplicate += count
                return Verdict.DUPLICATE
            if first_sequence != account.received:
                return Verdict.GAP
            account.received = end
            if lost:
                account.lost.append(LostSpan(first_sequence, end, lost))
            return Verdict.NEW

    def accept_record(self, record: Record) -> Verdict:
        """`accept` for a record as it arrives."""
        count = next_sequence(record) - record.sequence
        lost = record.cause or "lost" if isinstance(record, LostRecord) else ""
        return self.accept(stream_of(record), record.sequence, count, lost=lost)

    def restore(self, record: Record) -> Verdict:
        """Rebuild from the log: as `accept_record`, and durable; what a damaged log lacks counts as lost."""
        stream = stream_of(record)
        missing = record.sequence - self.received(stream)
        if missing > 0:
            self.accept(stream, record.sequence - missing, missing, lost="missing in the learner's log")
        verdict = self.accept_record(record)
        self.mark_durable(stream, self.received(stream))
        return verdict

    def received(self, stream: Stream) -> int:
        """The next sequence expected; 0 for a stream never heard of."""
        with self._lock:
            account = self._accounts.get(stream)
            return account.received if account else 0

    def durable(self, stream: Stream) -> int:
        """The sequence up to which the log is synced; 0 for a stream never heard of."""
        with self._lock:
            account = self._accounts.get(stream)
            return account.durable if account else 0

    def mark_durable(self, stream: Stream, next_sequence: int) -> None:
        """The log is synced up to here; never goes back, never passes what was received."""
        with self._lock:
            account = self._accounts.setdefault(stream, _Account())
            if next_sequence > account.received:
                raise ValueError(f"{stream} durable up to {next_sequence}, received {account.received}")
            account.durable = max(account.durable, next_sequence)

    def streams(self) -> list[Stream]:
        """Every stream heard of."""
        with self._lock:
            return list(self._accounts)

    def watermarks_of(self, actor_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """Received and durable by incarnation of one actor, as Welcome carries them."""
        with self._lock:
            mine = {stream[1]: account for stream, account in self._accounts.items() if stream[0] == actor_id}
            received = {incarnation: account.received for incarnation, account in mine.items()}
            return received, {incarnation: account.durable for incarnation, account in mine.items()}

    def counters(self, actor_id: str | None = None) -> DeliveryCounters:
        """Totals over all streams, or over those of one actor."""
        with self._lock:
            chosen = [a for stream, a in self._accounts.items() if actor_id in (None, stream[0])]
            return sum((account.counters() for account in chosen), DeliveryCounters())

    def farewell(self, actor_id: str, goodbye: dict[str, int]) -> dict[str, int]:
        """The answer to Goodbye's counters: this side's, of the streams that it names."""
        named = {key.rpartition("/")[0] for key in goodbye}
        with self._lock:
            answer = {
                incarnation: self._accounts.get((actor_id, incarnation), _Account()).counters()
                for incarnation in named
            }
        return name_counters(answer)


def total_counters(named: dict[str, int]) -> DeliveryCounters:
    """The sum over the streams of Goodbye's or Farewell's counters."""
    names = [field.name for field in fields(DeliveryCounters)]
    return DeliveryCounters(
        **{name: sum(v for key, v in named.items() if key.rpartition("/")[2] == name) for name in names}
    )


def name_counters(counters: dict[str, DeliveryCounters]) -> dict[str, int]:
    """Counters by incarnation as one flat dict, `<incarnation>/<count>`, for Goodbye and Farewell."""
    return {
        f"{incarnation}/{name}": value
        for incarnation, counts in counters.items()
        for name, value in counts.as_dict().items()
    }
