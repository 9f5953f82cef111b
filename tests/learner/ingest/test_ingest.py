"""The learner's side of the conversation: who may talk, what is stored, what is told, and what survives."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learner.ingest import Ingest
from learner.log import EpisodeLog, read_log
from learner.ratio import RatioConfig
from shared import codec
from shared.clock import SystemClock
from shared.errors import EpisodeFileError, InterfaceMismatch, LinkError, Refused
from shared.link import sockets
from shared.link.listener import ListenerConfig
from shared.protocol import (
    Ack,
    Farewell,
    Goodbye,
    Heartbeat,
    Malformed,
    Progress,
    Ready,
    Snapshot,
    SnapshotRequest,
    Stats,
    Stop,
    TrunkRequest,
    Unknown,
    Welcome,
)
from shared.records import Record
from shared.step import EpisodeKind

WaitUntil = Callable[..., None]


class TestJoining:
    def test_the_first_hello_fixes_the_interface_and_is_welcomed(self, learner: Any) -> None:
        ingest = learner.start()
        assert ingest.wait_for_interface(0.0) is None
        welcome = learner.actor(ingest).join()
        assert (welcome.state, welcome.learner_incarnation, welcome.received) == ("preparing", "l", {})
        assert ingest.wait_for_interface(5.0) == learner.interface
        assert learner.log.interface == learner.interface

    def test_ready_is_told_once_and_to_those_who_come_later(self, learner: Any) -> None:
        ingest = learner.start()
        early = learner.actor(ingest)
        early.join()
        ingest.mark_ready()
        assert early.wait_for(Ready) == Ready("l")
        assert learner.actor(ingest, actor_id="actor-1").join().state == "ready"

    def test_actors_are_listed_while_they_are_there(self, learner: Any, wait_until: WaitUntil) -> None:
        ingest = learner.start()
        for name in ("actor-0", "actor-1"):
            learner.actor(ingest, actor_id=name).join()
        wait_until(lambda: sorted(ingest.actors()) == ["actor-0", "actor-1"], 5)
        assert not ingest.deserted
        learner.actors[0].send(Goodbye({}))
        learner.actors[0].wait_for(Farewell)
        wait_until(lambda: ingest.actors() == ("actor-1",), 5)
        assert not ingest.deserted
        learner.actors[1].dialer.close(0.0)
        wait_until(lambda: ingest.actors() == (), 5)
        assert not ingest.deserted  # it fell silent, and may come back

    def test_an_actor_that_came_and_left_while_nobody_looked_was_there(self, learner: Any) -> None:
        ingest = learner.start()
        assert not ingest.deserted
        actor = learner.actor(ingest)
        actor.join()
        actor.send(Goodbye({}))
        actor.until(lambda: ingest.deserted)

    def test_another_interface_is_refused_showing_both(self, learner: Any) -> None:
        ingest = learner.start()
        learner.actor(ingest).join()
        other = learner.actor(ingest, actor_id="actor-1", interface=replace(learner.interface, name="peg"))
        with pytest.raises(Refused, match=r"reach at 10 Hz(.|\n)*peg at 10 Hz"):
            other.join()
        learner.actors[0].send(Stats(1, {}))
        learner.actors[0].until(ingest.stats)

    def test_demos_fix_the_interface_before_any_actor(self, learner: Any) -> None:
        ingest = learner.start()
        ingest.use_interface(learner.interface, "demo file demo.mcap")
        with pytest.raises(InterfaceMismatch, match="checkpoint 3"):
            ingest.use_interface(replace(learner.interface, control_hz=20.0), "checkpoint 3")
        with pytest.raises(Refused, match="the interface of actor actor-0 on robot"):
            learner.actor(ingest, interface=replace(learner.interface, control_hz=20.0)).join()

    def test_an_interface_that_describes_no_world_is_refused_and_fixes_nothing(self, learner: Any) -> None:
        ingest = learner.start()
        with pytest.raises(Refused, match="control_hz is 0"):
            learner.actor(ingest, interface=replace(learner.interface, control_hz=0.0)).join()
        assert ingest.wait_for_interface(0.0) is None

    def test_another_kind_of_clock_is_refused(self, learner: Any) -> None:
        with pytest.raises(Refused, match=r"simulated clock, the learner on a wall clock(.|\n)*--clock wall"):
            learner.actor(learner.start(), clock="simulated").join()

    def test_a_name_that_is_none_is_told(self, learner: Any) -> None:
        actor = learner.actor(learner.start(), actor_id="../../etc")
        assert "is not a name" in actor.wait_for(Malformed).cause

    def test_a_second_actor_with_the_same_id_supersedes_the_first(self, learner: Any) -> None:
        ingest = learner.start()
        first = learner.actor(ingest)
        first.join()
        first.deliver([first.step(0)])
        first.wait_for_ack(1, 0)
        second = learner.actor(ingest, incarnation="b")
        assert second.join().received == {"a": 1}
        with pytest.raises(Refused, match=r"another actor has taken the id 'actor-0'(.|\n)*spool"):
            first.until(lambda: False)
        first.deliver([first.step(1)])
        second.deliver([second.step(0)])
        second.wait_for_ack(1, 0)
        with pytest.raises(Refused, match="another actor"):
            learner.actor(ingest).join()
        assert second.dialer.connected
        assert [record.identity.incarnation for record in learner.log.records] == ["a", "b"]

    def test_the_next_life_delivers_what_the_last_one_left(self, learner: Any) -> None:
        ingest = learner.start()
        second = learner.actor(ingest, incarnation="b")
        second.join()
        second.deliver([second.step(0, incarnation="a"), second.step(1, incarnation="a")])
        second.deliver([second.step(0)])
        second.wait_for_ack(2, 0, incarnation="a")
        second.wait_for_ack(1, 0)
        assert ingest.counters("actor-0").received == 3


class TestRecords:
    def test_records_reach_log_and_arrivals_in_one_order(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        sent: list[Record] = [actor.step(0), actor.amend(1, 0), actor.lost(2, 3), actor.step(5)]
        actor.deliver(sent)
        actor.wait_for_ack(6, 0)
        arrived = [ingest.arrivals.get(timeout=5) for _ in sent]
        assert [position for position, _ in arrived] == [0, 1, 2, 3]
        assert [record.sequence for _, record in arrived] == [0, 1, 2, 5]
        np.testing.assert_array_equal(
            arrived[3][1].step.observation["camera"], sent[3].step.observation["camera"]
        )
        assert learner.log.records == [record for _, record in arrived]
        assert ingest.counters().lost == 3

    def test_what_becomes_durable_is_acknowledged_again(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.deliver([actor.step(n) for n in range(3)])
        actor.wait_for_ack(3, 0)
        learner.log.sync()
        actor.wait_for_ack(3, 3)

    def test_a_batch_is_acknowledged_once(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        for first in range(0, 60, 20):
            actor.deliver([actor.step(n) for n in range(first, first + 20)])
        actor.wait_for_ack(60, 0)
        assert 1 <= len(actor.answers(Ack)) <= 3

    def test_replays_and_gaps_store_nothing_and_are_acknowledged(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.deliver([actor.step(0), actor.step(1)])
        actor.wait_for_ack(2, 0)
        actor.deliver([actor.step(0), actor.step(1)])
        actor.until(lambda: len(actor.answers(Ack)) == 2)
        actor.deliver([actor.step(7)])
        actor.until(lambda: len(actor.answers(Ack)) == 3)
        assert actor.answers(Ack)[-1] == Ack("a", 2, 0)
        assert [record.sequence for record in learner.log.records] == [0, 1]
        assert ingest.counters().duplicate == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"observation": {"state": np.zeros(3, np.float32)}},
            {"observation": {"state": np.zeros(4, np.float32), "camera": np.zeros((32, 32, 3), np.uint8)}},
            {"observation": {"state": np.zeros(3, np.float64), "camera": np.zeros((32, 32, 3), np.uint8)}},
            {"final_observation": {"state": np.zeros(3, np.float32)}},
            {"chosen_action": np.zeros(3, np.float32)},
            {"human_action": np.zeros(2, np.float64)},
            {"executed_command": np.zeros((1, 2), np.float32)},
        ],
    )
    def test_a_step_that_breaks_the_interface_is_rejected_and_the_actor_kept(
        self, learner: Any, change: dict[str, Any]
    ) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.deliver([actor.step(0, **change)])
        assert "actor-0" in actor.wait_for(Malformed).cause
        actor.deliver([actor.step(0)])
        actor.wait_for_ack(1, 0)
        assert ingest.malformed == 1

    def test_numbers_that_are_not_finite_are_kept_as_evidence(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.deliver([actor.step(0, reward=float("nan"))])
        actor.wait_for_ack(1, 0)
        assert np.isnan(ingest.arrivals.get(timeout=5)[1].step.reward)

    def test_demos_take_the_same_way_and_come_once(self, learner: Any) -> None:
        ingest = learner.start()
        person = learner.actor(ingest, actor_id="demo", incarnation="d")
        ingest.use_interface(learner.interface, "demo.mcap")
        demo = [person.step(n, kind=EpisodeKind.DEMO) for n in (0, 1, 4)]
        ingest.admit(demo)
        ingest.admit(demo)
        assert [record.sequence for record in learner.log.records] == [0, 1, 2, 4]
        assert learner.log.records[2].count == 2
        counters = ingest.counters()
        assert (counters.received, counters.lost, counters.duplicate) == (3, 2, 0)
        wide = person.step(5, kind=EpisodeKind.DEMO, chosen_action=np.zeros(3, np.float32))
        with pytest.raises(EpisodeFileError, match=r"has an action of float32\[3\]"):
            ingest.admit([wide])
        assert len(learner.log.records) == 4


class TestTelling:
    def test_a_late_joiner_gets_the_newest_snapshot_at_once(self, learner: Any) -> None:
        ingest = learner.start()
        for version in range(3):
            ingest.publish(learner.snapshot(version))
        actor = learner.actor(ingest)
        actor.join()
        actor.send(SnapshotRequest(), channel="bulk")
        assert actor.wait_for(Snapshot).header == b"2"

    def test_a_request_waits_for_another_version_and_newest_wins(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        ingest.publish(learner.snapshot(4))
        actor.send(SnapshotRequest("l", 4), channel="bulk")
        actor.send(Stats(1, {}))
        actor.until(ingest.stats)
        assert not actor.answers(Snapshot)
        ingest.publish(learner.snapshot(5))
        assert actor.wait_for(Snapshot).header == b"5"
        for version in range(6, 50):
            ingest.publish(learner.snapshot(version))
        actor.send(SnapshotRequest("l", 5), channel="bulk")
        assert actor.wait_for(Snapshot, 2).header == b"49"
        assert len(actor.answers(Snapshot)) == 2

    def test_the_same_version_of_another_learner_is_another_policy(self, learner: Any) -> None:
        ingest = learner.start()
        ingest.publish(learner.snapshot(4))
        actor = learner.actor(ingest)
        actor.join()
        actor.send(SnapshotRequest("an earlier learner", 4), channel="bulk")
        actor.wait_for(Snapshot)

    def test_progress_and_pacing(self, learner: Any) -> None:
        """Five warm-up steps: two by the first actor leave three for the second; each keeps its own."""
        ingest = learner.start()
        first = learner.actor(ingest)
        welcome = first.join()
        assert (welcome.free_steps, welcome.consumed_steps, welcome.max_lead_steps) == (5, 0, 4)
        first.deliver([first.step(0), first.step(1), first.step(2, kind=EpisodeKind.EVALUATION)])
        first.wait_for_ack(3, 0)
        second = learner.actor(ingest, actor_id="actor-1")
        assert second.join().free_steps == 3
        ingest.progress({("actor-0", "a"): 2})
        assert first.wait_for(Progress) == Progress("a", 2)
        assert not second.answers(Progress)
        again = learner.actor(ingest)
        welcome = again.join()
        assert (welcome.free_steps, welcome.consumed_steps) == (5, 2)

    def test_stop_reaches_everybody(self, learner: Any) -> None:
        ingest = learner.start()
        early = learner.actor(ingest)
        early.join()
        ingest.stop_actors("the target is met")
        assert early.wait_for(Stop) == Stop("the target is met")
        assert learner.actor(ingest, actor_id="actor-1").wait_for(Stop)

    def test_stats_come_in_order_under_the_actors_name(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        for step in range(3):
            actor.send(Stats(step, {"x": 1.0}))
        reported: list[Any] = []
        actor.until(lambda: (reported.extend(ingest.stats()), len(reported) == 3)[1])
        assert reported == [("actor-0", Stats(step, {"x": 1.0})) for step in range(3)]

    def test_farewell_returns_the_learners_counters(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.deliver([actor.step(0), actor.step(1)])
        actor.wait_for_ack(2, 0)
        learner.log.sync()
        actor.send(Goodbye({f"a/{name}": 2 for name in ("produced", "received", "durable")}))
        counters = actor.wait_for(Farewell).counters
        assert counters == {"a/produced": 2, "a/received": 2, "a/durable": 2, "a/duplicate": 0, "a/lost": 0}

    def test_heartbeats_are_answered(self, learner: Any) -> None:
        actor = learner.actor(learner.start())
        actor.join()
        actor.until(lambda: actor.dialer.round_trip_seconds)


class TestSurviving:
    def test_a_restarted_learner_is_joined_again_from_what_it_knows(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.send(SnapshotRequest(), channel="bulk")
        actor.deliver([actor.step(0), actor.step(1)])
        actor.wait_for_ack(2, 0)
        ingest.close(5.0)
        actor.wait_for_ack(2, 2)
        restarted = learner.start(ingest.endpoint)
        restarted.publish(learner.snapshot(1))
        welcome = actor.wait_for(Welcome, 2)
        assert welcome.received == {}
        assert actor.wait_for(Snapshot).header == b"1"

    def test_a_log_of_earlier_lives_is_taken_up(self, learner: Any, tmp_path: Path) -> None:
        ends = [threading.Event(), threading.Event()]

        def start(bind: str, position: int, end: threading.Event) -> Ingest:
            def open_log(interface: Any, on_durable: Any) -> EpisodeLog:
                def tell(covered: Any) -> None:
                    on_durable(covered)
                    end.set()

                clock = SystemClock()
                return EpisodeLog(tmp_path, interface, clock, on_durable=tell, next_position=position)

            config = ListenerConfig(bind=bind)
            learner.ingests.append(
                Ingest(config, RatioConfig(warmup_steps=5), incarnation="l", open_log=open_log)
            )
            return learner.ingests[-1]

        first = start("tcp://127.0.0.1:0", 0, ends[0])
        first.start()
        actor = learner.actor(first)
        actor.join()
        actor.deliver([actor.step(n, reward=float("nan") if n == 1 else 0.0) for n in range(3)])
        actor.wait_for_ack(3, 0)
        first.close(5.0)
        assert ends[0].is_set()
        second = start(first.endpoint, 3, ends[1])
        assert second.restore(tmp_path) == 3
        second.start()
        welcome = actor.wait_for(Welcome, 2)
        assert (welcome.received, welcome.durable, welcome.free_steps) == ({"a": 3}, {"a": 3}, 5)
        actor.deliver([actor.step(n) for n in range(5)])
        actor.wait_for_ack(5, 3)
        assert [second.arrivals.get(timeout=5)[0] for _ in range(2)] == [3, 4]
        second.close(5.0)
        assert [record.sequence for record in read_log(tmp_path)] == [0, 1, 2, 3, 4]

    def test_messages_that_an_actor_does_not_send_are_rejected(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        wrong: list[tuple[Any, Any]] = [
            (Ready("x"), "control"),
            (Stats(1, {}), "bulk"),
            (Goodbye({}), "bulk"),
            (SnapshotRequest(), "control"),
            (TrunkRequest("d"), "control"),
            (codec.records_message([actor.step(0)])[0], "bulk"),
        ]
        for count, (message, channel) in enumerate(wrong, 1):
            actor.send(message, channel=channel)
            actor.wait_for(Malformed, count)
        actor.deliver([actor.step(0)])
        actor.wait_for_ack(1, 0)

    def test_who_has_not_said_hello_is_unknown(self, learner: Any) -> None:
        ingest = learner.start()
        context = sockets.new_context()
        dealer = context.socket(sockets.zmq.DEALER)
        dealer.linger = 0
        dealer.connect(ingest.endpoint)
        try:
            dealer.send(codec.encode(Heartbeat(1.0)))
            assert dealer.poll(5000)
            answer = codec.decode(dealer.recv())
            assert isinstance(answer, Unknown)
            assert answer.wall_seconds is not None
        finally:
            dealer.close()
            context.term()

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(data=st.data())
    def test_no_bytes_end_the_thread(self, learner: Any, data: st.DataObject) -> None:
        """Damaged messages from an actor in good standing, then a good one."""
        if not learner.actors:
            learner.actor(learner.start()).join()
        actor, ingest = learner.actors[0], learner.ingests[0]
        message, buffers = codec.records_message([actor.step(10**6), actor.lost(10**6 + 1, 2)])
        frames = [codec.encode(message), *map(bytes, buffers)]
        which = data.draw(st.integers(0, len(frames) - 1))
        at = data.draw(st.integers(0, len(frames[which]) - 1))
        other = data.draw(st.binary(min_size=1, max_size=4))
        frames[which] = frames[which][:at] + other + frames[which][at + len(other) :]
        frames = frames[: data.draw(st.integers(1, len(frames)))]
        sockets.send(actor.dialer._dealers["control"], frames)
        actor.send(Stats(1, {}))
        actor.until(ingest.stats)
        ingest.check()

    def test_a_fault_in_the_thread_reaches_whoever_checks(self, learner: Any, wait_until: WaitUntil) -> None:
        ingest = learner.start(run=False)
        ingest._intake.admit = lambda records: 1 / 0
        ingest.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.deliver([actor.step(0)])

        def failed() -> bool:
            try:
                ingest.check()
            except ZeroDivisionError:
                return True
            return False

        wait_until(failed, 5)
        with pytest.raises(ZeroDivisionError):
            ingest.wait_for_interface(5.0)

    def test_a_fault_of_the_log_reaches_whoever_checks(self, learner: Any) -> None:
        ingest = learner.start()
        ingest.use_interface(learner.interface, "test")
        learner.log.failure = OSError("disk")
        with pytest.raises(OSError, match="disk"):
            ingest.check()

    def test_a_port_in_use_is_told_at_once(self, learner: Any) -> None:
        ingest = learner.start()
        with pytest.raises(LinkError, match="in use"):
            learner.start(ingest.endpoint)

    def test_closing_is_bounded_and_may_come_twice_or_before_the_start(self, learner: Any) -> None:
        started = time.monotonic()
        learner.start(run=False).close(5.0)
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        actor.send(SnapshotRequest(), channel="bulk")
        ingest.publish(learner.snapshot(1, 30_000_000))
        ingest.close(0.5)
        ingest.close(0.5)
        assert learner.log.closed
        assert time.monotonic() - started < 5.0

    def test_a_10_megabyte_snapshot_does_not_hold_up_acknowledgements(self, learner: Any) -> None:
        ingest = learner.start()
        actor = learner.actor(ingest)
        actor.join()
        for version in range(5):
            ingest.publish(learner.snapshot(version, 10_000_000))
            actor.send(SnapshotRequest("l", version - 1), channel="bulk")
            started = time.monotonic()
            actor.deliver([actor.step(version)])
            actor.wait_for_ack(version + 1, 0)
            assert time.monotonic() - started < 2.0
        # A snapshot that is still under way when a newer one is published answers both requests.
        actor.until(lambda: any(snapshot.header == b"4" for snapshot in actor.answers(Snapshot)))
