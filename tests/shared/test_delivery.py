"""Whatever the network and the two processes do, each record is stored once, in order, or reported lost."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.delivery import DeliveryCounters, LostSpan, ReceiveLedger, SendWindow, Verdict, name_counters
from shared.records import AmendRecord, LostRecord
from shared.step import StepId

STREAM = ("actor", "0")


def amend(sequence: int) -> AmendRecord:
    target = StepId("actor", "0", 0, 0)
    return AmendRecord(
        actor_id="actor", incarnation="0", sequence=sequence, time_seconds=0.0, target=target, reward=0.0
    )


def lost(sequence: int, count: int) -> LostRecord:
    return LostRecord(
        actor_id="actor", incarnation="0", sequence=sequence, time_seconds=0.0, count=count, cause="damage"
    )


def test_window_sends_in_order_and_keeps_its_limit():
    window = SendWindow(limit=4)
    window.produce(10)
    assert window.next_span(3) == range(3)
    window.mark_sent(3)
    assert window.next_span(3) == range(3, 4)
    window.mark_sent(4)
    assert window.next_span(3) is None
    assert window.acknowledge(2, 0)
    assert window.next_span(3) == range(4, 6)
    assert not window.acknowledge(1, 0)
    assert window.received == 2


def test_window_resends_from_the_received_watermark_and_counts_it():
    window = SendWindow()
    window.produce(5)
    window.mark_sent(5)
    window.acknowledge(2, 1)
    window.resend()
    assert window.next_span(10) == range(2, 5)
    window.mark_sent(5)
    window.acknowledge(5, 5)
    assert window.counters() == DeliveryCounters(produced=5, received=5, durable=5, duplicate=3)


def test_learner_that_forgot_what_was_released_is_told_what_is_lost():
    window = SendWindow()
    window.produce(8)
    window.mark_sent(8)
    window.acknowledge(8, 6)
    window.release(6)
    window.welcome(4, 4)
    span = window.next_span(10)
    assert isinstance(span, LostSpan)
    assert (span.first, span.end) == (4, 6)
    window.mark_sent(6)
    assert window.next_span(10) == range(6, 8)
    assert window.counters().lost == 2


def test_a_lost_span_is_clipped_to_what_the_learner_lacks():
    window = SendWindow(produced=10)
    window.lose(3, 7, "bad sector")
    assert window.next_span(100) == range(3)
    window.welcome(5, 0)
    assert window.next_span(100) == LostSpan(5, 7, "bad sector")


def test_touching_lost_spans_become_one():
    window = SendWindow(produced=10)
    window.lose(1, 3, "a")
    window.lose(6, 8, "b")
    window.lose(3, 6, "c")
    assert [(s.first, s.end) for s in window.lost_spans] == [(1, 8)]


def test_release_refuses_what_is_not_durable():
    window = SendWindow(produced=3)
    with pytest.raises(ValueError, match="durable is 0"):
        window.release(1)


def test_ledger_stores_only_what_comes_next():
    ledger = ReceiveLedger()
    assert ledger.accept(STREAM, 0, 3) is Verdict.NEW
    assert ledger.accept(STREAM, 1) is Verdict.DUPLICATE
    assert ledger.accept(STREAM, 4) is Verdict.GAP
    assert ledger.accept(STREAM, 3) is Verdict.NEW
    ledger.mark_durable(STREAM, 2)
    ledger.mark_durable(STREAM, 1)
    assert (ledger.received(STREAM), ledger.durable(STREAM)) == (4, 2)
    assert ledger.counters("actor") == DeliveryCounters(produced=4, received=4, durable=2, duplicate=1)
    assert ledger.counters("another") == DeliveryCounters()
    with pytest.raises(ValueError, match="received 4"):
        ledger.mark_durable(STREAM, 5)


def test_ledger_counts_a_reported_loss_and_goes_on():
    ledger = ReceiveLedger()
    ledger.accept_record(amend(0))
    assert ledger.accept_record(lost(0, 4)) is Verdict.GAP
    assert ledger.accept_record(lost(1, 3)) is Verdict.NEW
    assert ledger.accept_record(lost(1, 3)) is Verdict.DUPLICATE
    assert ledger.accept_record(amend(4)) is Verdict.NEW
    assert ledger.counters() == DeliveryCounters(produced=5, received=2, duplicate=3, lost=3)


def test_ledger_rebuilt_from_a_damaged_log_counts_the_hole_and_never_asks_for_it_twice():
    ledger = ReceiveLedger()
    for sequence in (0, 1, 5):
        assert ledger.restore(amend(sequence)) is Verdict.NEW
    assert ledger.restore(amend(5)) is Verdict.DUPLICATE
    assert ledger.watermarks_of("actor") == ({"0": 6}, {"0": 6})
    assert ledger.counters().lost == 3


def test_farewell_answers_the_streams_that_goodbye_names():
    ledger = ReceiveLedger()
    ledger.accept(("actor", "old"), 0, 9)
    ledger.accept(("actor", "new"), 0, 2)
    answer = ledger.farewell(
        "actor", name_counters({"new": DeliveryCounters(produced=2), "x": DeliveryCounters()})
    )
    assert {key.partition("/")[0] for key in answer} == {"new", "x"}
    assert (answer["new/received"], answer["x/received"]) == (2, 0)


@dataclass
class Learner:
    """A log in memory with a durable point; a restart rebuilds the ledger from what was durable."""

    log: list[tuple[int, int, bool]] = field(default_factory=list)
    durable_length: int = 0
    ledger: ReceiveLedger = field(default_factory=ReceiveLedger)

    def take(self, first: int, count: int, is_lost: bool) -> None:
        if self.ledger.accept(STREAM, first, count, lost="lost" if is_lost else "") is Verdict.NEW:
            self.log.append((first, count, is_lost))

    def sync(self) -> None:
        self.durable_length = len(self.log)
        self.ledger.mark_durable(STREAM, self.ledger.received(STREAM))

    def restart(self, length: int) -> None:
        self.log = self.log[:length]
        self.ledger = ReceiveLedger()
        for first, count, is_lost in self.log:
            self.ledger.accept(STREAM, first, count, lost="lost" if is_lost else "")
        self.sync()


class Delivery(RuleBasedStateMachine):
    """One stream, a network that drops, doubles and reorders, and two processes that restart."""

    def __init__(self):
        super().__init__()
        self.window = SendWindow(limit=5)
        self.learner = Learner()
        self.to_learner: list[tuple[int, int, bool]] = []
        self.to_actor: list[tuple[int, int]] = []
        self.damaged: set[int] = set()

    @rule(count=st.integers(1, 6))
    def produce(self, count):
        self.window.produce(count)

    @rule(most=st.integers(1, 4))
    def send(self, most):
        span = self.window.next_span(most)
        if isinstance(span, LostSpan):
            self.to_learner.append((span.first, span.end - span.first, True))
            self.window.mark_sent(span.end)
        elif span is not None:
            self._send_readable(span)

    def _send_readable(self, span):
        for sequence in span:
            if sequence in self.damaged:
                self.window.lose(sequence, sequence + 1, "damaged")
                return
            assert sequence >= self.window.kept_from
            self.to_learner.append((sequence, 1, False))
            self.window.mark_sent(sequence + 1)

    @precondition(lambda self: self.to_learner)
    @rule(data=st.data(), fate=st.sampled_from(["deliver", "double", "drop"]), shuffle=st.booleans())
    def network_down(self, data, fate, shuffle):
        index = data.draw(st.integers(0, len(self.to_learner) - 1)) if shuffle else 0
        message = self.to_learner[index] if fate == "double" else self.to_learner.pop(index)
        if fate != "drop":
            self.learner.take(*message)
            self.to_actor.append((self.learner.ledger.received(STREAM), self.learner.ledger.durable(STREAM)))

    @precondition(lambda self: self.to_actor)
    @rule(data=st.data(), keep=st.booleans())
    def network_up(self, data, keep):
        index = data.draw(st.integers(0, len(self.to_actor) - 1))
        ack = self.to_actor[index] if keep else self.to_actor.pop(index)
        self.window.acknowledge(*ack)

    @rule()
    def learner_syncs(self):
        self.learner.sync()

    @rule(share=st.floats(0, 1))
    def actor_releases(self, share):
        window = self.window
        window.release(window.kept_from + int(share * max(0, window.durable - window.kept_from)))

    @rule()
    def resend(self):
        self.window.resend()

    @rule(data=st.data(), older=st.booleans())
    def learner_restarts(self, data, older):
        """Usually at its durable point; `older`: its disk was restored from an earlier day."""
        longest = self.learner.durable_length
        self.learner.restart(data.draw(st.integers(0, longest)) if older else longest)
        self._reconnect()

    @rule()
    def actor_restarts(self):
        old = self.window
        self.window = SendWindow(kept_from=old.kept_from, produced=old.produced, limit=5)
        for span in old.lost_spans:
            self.window.lose(span.first, span.end, span.cause)
        self._reconnect()

    @rule()
    def reconnect(self):
        self._reconnect()

    def _reconnect(self):
        self.to_learner.clear()
        self.to_actor.clear()
        received, durable = self.learner.ledger.watermarks_of("actor")
        self.window.welcome(received.get("0", 0), durable.get("0", 0))

    @rule(data=st.data())
    def disk_damage(self, data):
        if self.window.produced > self.window.kept_from:
            self.damaged.add(data.draw(st.integers(self.window.kept_from, self.window.produced - 1)))

    @invariant()
    def stored_once_in_order_without_silent_gap(self):
        expected = 0
        for first, count, _ in self.learner.log:
            assert first == expected
            expected = first + count
        assert self.window.in_flight <= 5 or self.window.lost_spans

    @rule()
    def calm(self):
        """A quiet hour: everything arrives, is synced and released."""
        self._reconnect()
        self._deliver_all()
        self.window.release(self.window.durable)

    def _deliver_all(self):
        while (span := self.window.next_span(3)) is not None:
            if isinstance(span, LostSpan):
                self.learner.take(span.first, span.end - span.first, True)
                self.window.mark_sent(span.end)
            else:
                self.to_learner.clear()
                self._send_readable(span)
                for message in self.to_learner:
                    self.learner.take(*message)
            self.window.acknowledge(self.learner.ledger.received(STREAM), self.learner.ledger.durable(STREAM))
        self.learner.sync()
        self.window.acknowledge(self.learner.ledger.received(STREAM), self.learner.ledger.durable(STREAM))

    def teardown(self):
        """A calm network at the end delivers everything, and both sides count alike."""
        self._reconnect()
        self._deliver_all()
        here, there = self.window.counters(), self.learner.ledger.counters("actor")
        assert there.produced == here.produced == there.received + there.lost
        assert there.durable == there.received
        stored = [first for first, _, is_lost in self.learner.log if not is_lost]
        assert len(stored) == len(set(stored)) == there.received
        assert here.lost >= there.lost


Delivery.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestDelivery = Delivery.TestCase
