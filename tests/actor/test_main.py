"""`handson actor` against the learner's own end of the link, from Hello to Farewell."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actor import main as actor_main
from learner.ingest import EncodedSnapshot, Ingest
from learner.log import EpisodeLog, LogConfig, read_log
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.errors import ConfigError, Refused
from shared.link.listener import ListenerConfig
from shared.policy.snapshot import encode_snapshot
from shared.records import StepRecord
from shared.step import Source, Why

pytestmark = pytest.mark.timeout(40)

LEASE = {"lease_seconds": 1.0, "heartbeat_seconds": 0.2}


class Learner:
    """Receives and stores; its policy was never trained. What else it does is told to `meanwhile`."""

    def __init__(self, directory: Path, port: int, make_snapshot, wait_until) -> None:
        self.directory = directory
        self._wait_until = wait_until
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.make_snapshot = make_snapshot
        self.ingest: Ingest | None = None
        self._thread: threading.Thread | None = None

    def start(self, meanwhile: Callable[[Ingest], None], **ratio: object) -> None:
        def open_log(interface, on_durable):
            commit = LogConfig(group_commit_seconds=0.05)
            return EpisodeLog(self.directory, interface, SystemClock(), commit, on_durable=on_durable)

        self.ingest = Ingest(
            ListenerConfig(bind=self.endpoint, **LEASE),
            RatioConfig(**({"clock": "simulated", "warmup_steps": 0, "max_lead_steps": 10**6} | ratio)),
            incarnation="learner-life",
            open_log=open_log,
        )
        self.ingest.start()
        self._thread = threading.Thread(target=self._guarded, args=(meanwhile, self.ingest))
        self._thread.start()

    def _guarded(self, meanwhile: Callable[[Ingest], None], ingest: Ingest) -> None:
        """A mistake in the test must not leave the actor waiting."""
        try:
            meanwhile(ingest)
        except BaseException:
            ingest.stop_actors("the test failed")
            raise

    def publish(self, ingest: Ingest, version: int = 1) -> None:
        interface = ingest.wait_for_interface(20.0)
        assert interface is not None
        ingest.mark_ready()
        header, buffers = encode_snapshot(self.make_snapshot(version, interface=interface))
        ingest.publish(
            EncodedSnapshot(header=header, buffers=buffers, incarnation="learner-life", version=version)
        )

    def wait_for(self, ingest: Ingest, steps: int) -> None:
        self._wait_until(lambda: ingest.counters().received >= steps, 20.0)

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.join(30.0)
        if self.ingest is not None:
            self.ingest.close(5.0)

    @property
    def steps(self) -> list[StepRecord]:
        return [record for record in read_log(self.directory) if isinstance(record, StepRecord)]


@pytest.fixture
def learner(tmp_path: Path, free_port: Callable[[], int], make_snapshot, wait_until) -> Iterator[Learner]:
    made = Learner(tmp_path / "log", free_port(), make_snapshot, wait_until)
    yield made
    made.stop()


@pytest.fixture
def act(learner: Learner, tmp_path: Path) -> Callable[..., dict]:
    """`act(*arguments)`: a whole life of an actor in this process, and its summary."""

    def run(*arguments: str) -> dict:
        run_dir = tmp_path / "run"
        argv = ["--task", "reach", "--run-dir", str(run_dir), "--connect", learner.endpoint, *arguments]
        argv += ["--uplink.ring-bytes", str(2**20), "--lease-seconds", "1.0", "--heartbeat-seconds", "0.2"]
        assert actor_main.main(argv) == 0
        return json.loads((run_dir / "actor-0.json").read_text())

    return run


def test_a_life_from_hello_to_farewell(learner, act, capsys) -> None:
    def meanwhile(ingest: Ingest) -> None:
        learner.wait_for(ingest, 20)
        learner.publish(ingest)
        learner.wait_for(ingest, 150)
        ingest.stop_actors("training is over")

    learner.start(meanwhile)
    summary = act("--random-steps", "20", "--evaluation.every-steps", "0")
    stats = learner.ingest.stats()
    learner.stop()
    produced = summary["steps_produced"]
    assert summary["cause"] == "training is over"
    assert produced >= 150
    assert len(learner.steps) == produced
    assert summary["uplink"] == {
        "produced": produced,
        "received": produced,
        "durable": produced,
        "duplicate": 0,
        "lost": 0,
    }
    assert summary["learner"] == summary["uplink"]
    assert summary["snapshots_applied"] == 1
    assert summary["policy_age_p99_seconds"] > 0
    assert summary["period_overrun_p99_seconds"] is None
    sources = [record.step.source for record in learner.steps]
    assert set(sources[:20]) == {Source.RANDOM}
    assert sources[-1] is Source.POLICY
    last = learner.steps[-1].step
    assert last.why in (Why.OPERATOR_ABORT, Why.SUCCESS, Why.TIME_LIMIT)
    assert stats[-1][1].step == produced
    assert "training/episode_return" in stats[-1][1].values
    assert "training is over" in capsys.readouterr().out


def test_somebody_takes_over_from_a_policy_that_was_never_trained(learner, act) -> None:
    def meanwhile(ingest: Ingest) -> None:
        learner.publish(ingest)
        learner.wait_for(ingest, 300)
        ingest.stop_actors("training is over")

    learner.start(meanwhile)
    helped = act("--teleop", "simulated_human", "--evaluation.every-steps", "0")["helped"]
    learner.stop()
    driven = [record.step for record in learner.steps if record.step.source is Source.HUMAN]
    assert len(driven) == helped["driven_steps"] > 0
    assert helped["helped_episodes"] > 0
    for step in driven:
        assert (step.chosen_action == step.human_action).all()
        assert step.policy_action is not None
    assert all(r.step.policy_action is not None and r.step.source is not Source.SCRIPT for r in learner.steps)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_soon_and_in_order(learner, act, number) -> None:
    raised_at: list[float] = []

    def meanwhile(ingest: Ingest) -> None:
        learner.publish(ingest)
        learner.wait_for(ingest, 30)
        raised_at.append(time.monotonic())
        os.kill(os.getpid(), number)

    learner.start(meanwhile)
    summary = act()
    seconds = time.monotonic() - raised_at[0]
    learner.stop()
    print(f"ended {seconds:.2f} s after {number.name}")
    assert seconds < 5 * 3.0
    assert summary["cause"] == number.name
    assert summary["learner"]["received"] == summary["steps_produced"] == len(learner.steps)
    assert learner.steps[-1].step.last


def test_without_a_learner_it_warms_up_and_a_later_life_delivers(
    learner, act, tmp_path, capsys, wait_until
) -> None:
    def hang_up_once_it_holds() -> None:
        log = tmp_path / "run" / "actor-0.log"
        try:
            wait_until(lambda: log.exists() and "holding" in log.read_text(), 20.0)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)

    impatient = threading.Thread(target=hang_up_once_it_holds)
    impatient.start()
    alone = act("--random-steps", "10", "--scripted-steps", "10")
    impatient.join()
    printed = capsys.readouterr().out
    assert f"waiting for the learner at {learner.endpoint}" in printed.replace("\n", " ")
    assert alone["uplink"]["received"] == 0
    assert alone["uplink"]["produced"] == alone["steps_produced"] >= 20
    assert alone["hold_seconds"] > 0
    assert alone["learner"] == {}

    learner.start(learner.publish)
    second = act("--max-steps", "15", "--evaluation.every-steps", "15", "--evaluation.episodes", "1")
    learner.stop()
    assert second["steps_produced"] == 15
    assert second["evaluations"] == 1
    assert second["learner"]["received"] == alone["steps_produced"] + 15 == len(learner.steps)
    sources = {record.step.source for record in learner.steps}
    assert sources == {Source.RANDOM, Source.SCRIPT, Source.POLICY}
    firsts = [record.step for record in learner.steps if record.identity[2:] == (0, 0)]
    assert len(firsts) == 2
    assert any(
        (firsts[0].observation[name] != firsts[1].observation[name]).any() for name in firsts[0].observation
    )


def test_an_actor_that_is_refused_says_why_and_leaves(learner, act, tmp_path) -> None:
    learner.start(lambda ingest: None, clock="wall")
    with pytest.raises(Refused, match="clock"):
        act()
    learner.stop()
    summary = json.loads((tmp_path / "run" / "actor-0.json").read_text())
    assert "clock" in summary["cause"]
    assert "clock" in (tmp_path / "run" / "actor-0.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--task", "pick_cub"], "pick_cube"),
        (["--env", "gymnasium:Pendulom-v1"], "Pendulum"),
        (["--task", "reach", "--connect", "tcp://nowhere"], "tcp://"),
    ],
)
def test_what_cannot_be_started_is_named(tmp_path, arguments, named, capsys) -> None:
    with pytest.raises((ConfigError, SystemExit)) as caught:
        actor_main.main([*arguments, "--run-dir", str(tmp_path)])
    assert named in str(caught.value) + capsys.readouterr().err


def test_a_run_directory_that_cannot_be_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write") as raised:
        actor_main.main(["--task", "reach", "--run-dir", str(tmp_path / "file" / "run")])
    assert "--run-dir" in raised.value.cure


@pytest.mark.parametrize(
    "arguments",
    [
        ["--actor-id", ""],
        ["--actor-id", "../up"],
        ["--max-policy-age-seconds", "0"],
        ["--farewell-seconds", "-1"],
        ["--random-steps", "-1"],
        ["--max-steps", "0"],
        ["--max-faults", "0"],
        ["--actor-id", "two words"],
        ["--actor-id", "n" * 65],
        ["--evaluation.episodes", "0"],
        ["--clock", "moon"],
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, arguments) -> None:
    with pytest.raises((ConfigError, SystemExit)):
        actor_main.main([*arguments, "--run-dir", str(tmp_path)])
