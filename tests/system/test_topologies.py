"""Learner and actors as people start them by hand: either first, two at once, one twice, across a network."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import cli
from deploy.children import handson
from learner.log import read_log
from shared.records import StepRecord
from shared.step import Source
from tests.system import small

START_SECONDS = 90.0
END_SECONDS = 60.0
LOOK_SECONDS = 0.3
PENDULUM_STEPS = 200
"""Of one episode, and so of the warm-up."""
LAB, ROBOT = "10.213.8.1", "10.213.8.2"


class System:
    """Processes of one learner and its actors, each with a run directory of its own."""

    def __init__(self, root: Path, spawn: Any, wait_until: Any, cache: Path) -> None:
        self.root = root
        self._spawn = spawn
        self._wait_until = wait_until
        self._environment = {**os.environ, **small.environment(cache)}

    def learner(self, bind: str, *flags: str, inside: tuple[str, ...] = ()) -> Any:
        return self._handson(
            inside, "learner", "--bind", bind, "--run-dir", str(self.root / "learner"), *small.LEARNER, *flags
        )

    def actor(self, connect: str, name: str, *flags: str, inside: tuple[str, ...] = ()) -> Any:
        run = ("--connect", connect, "--actor-id", name, "--run-dir", str(self.root / name))
        return self._handson(inside, "actor", *run, *small.ACTOR, *flags)

    def wait(self, process: Any, text: str) -> None:
        """Until this process has said something."""
        self._wait_until(lambda: text in process.log.read_text() or process.poll() is not None, START_SECONDS)
        assert text in process.log.read_text(), process.log.read_text()

    def wait_for_steps(self, actor_id: str, steps: int, *processes: Any) -> None:
        """Until the learner's log holds so many steps of this actor; the processes must live on."""
        deadline = time.monotonic() + START_SECONDS
        while self.steps_of(actor_id) < steps:
            assert [process.poll() for process in processes] == [None] * len(processes)
            assert time.monotonic() < deadline, f"{self.steps_of(actor_id)} steps of {actor_id}, not {steps}"
            time.sleep(LOOK_SECONDS)

    def wait_for_policy(self, actor_id: str, than: str, *processes: Any) -> None:
        """Until the log holds a step that this actor's policy chose in a life other than this one."""
        deadline = time.monotonic() + START_SECONDS
        while not any(
            record.step.source is Source.POLICY and record.identity.incarnation != than
            for record in self.records()
            if record.identity.actor_id == actor_id
        ):
            assert [process.poll() for process in processes] == [None] * len(processes)
            assert time.monotonic() < deadline, f"no step of {actor_id}'s policy"
            time.sleep(LOOK_SECONDS)

    def steps_of(self, actor_id: str) -> int:
        return sum(count for (actor, _), count in self.stored().items() if actor == actor_id)

    def stored(self) -> Counter[tuple[str, str]]:
        """Steps in the learner's log by actor and life."""
        return Counter((r.identity.actor_id, r.identity.incarnation) for r in self.records())

    def records(self) -> Iterator[StepRecord]:
        """Steps in the learner's log so far."""
        return (r for r in read_log(self.root / "learner" / "episodes") if isinstance(r, StepRecord))

    def summary(self, name: str) -> dict[str, Any]:
        """What a process left of itself."""
        return json.loads((self.root / name / f"{name}.json").read_text())

    def require_agreement(self, *actors: dict[str, Any]) -> None:
        """The counters of the learner, of actors that ended in order, and the log are the same."""
        stored, learner = self.stored(), self.summary("learner")
        for found in actors:
            uplink = found["uplink"]
            assert uplink["produced"] == uplink["received"] == uplink["durable"], uplink
            assert {**found["learner"], "duplicate": 0} == {**uplink, "duplicate": 0}
            assert stored[found["actor_id"], found["incarnation"]] == found["steps_produced"] > 0
        total = sum(stored.values())
        assert total == learner["env_steps"] == learner["steps_received"] == learner["steps_durable"]
        assert learner["steps_lost"] == 0
        due = small.UTD * (total - small.WARM_UP_STEPS)
        assert 0 <= due - learner["updates"] <= small.UTD

    def _handson(self, inside: tuple[str, ...], *words: str) -> Any:
        return self._spawn([*inside, *handson(*words)], env=self._environment)


def ended(process: Any) -> int:
    """The exit status of a process that ends by itself."""
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"still running: {process.log.read_text()}")


@pytest.fixture
def system(tmp_path: Path, spawn: Any, wait_until: Any, program_cache: Path) -> System:
    return System(tmp_path, spawn, wait_until, program_cache)


@pytest.mark.timeout(240)
def test_one_actor_before_the_learner_one_after_it_and_one_of_them_twice(
    system: System, free_port: Any
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    # At the pendulum's own rate: two actors that step as fast as they can only heat the machine.
    at_its_rate = ("--clock", "wall")
    first = system.actor(address, "actor-0", *at_its_rate)
    system.wait(first, f"waiting for the learner at {address}")
    learner = system.learner(address, "--end-with-actors", *at_its_rate, "--max-credit-steps", "10000")
    system.wait(learner, f"waiting for the first actor, listening on {address}")
    other = system.actor(address, "actor-1", "--seed", "1", *at_its_rate)
    for name in ("actor-0", "actor-1"):
        system.wait_for_steps(name, 60, learner, first, other)

    second = system.actor(address, "actor-0", *at_its_rate)
    assert ended(first) == 2
    assert "another actor has taken the id 'actor-0'" in first.log.read_text()
    superseded = system.summary("actor-0")
    system.wait_for_policy("actor-0", superseded["incarnation"], learner, other, second)

    for process in (second, other):
        process.send_signal(signal.SIGINT)
    assert [ended(process) for process in (second, other, learner)] == [0, 0, 0]
    assert system.summary("learner")["cause"] == "all actors have left"
    system.require_agreement(system.summary("actor-0"), system.summary("actor-1"))
    assert system.summary("actor-0")["snapshots_applied"] > 0
    life = superseded["actor_id"], superseded["incarnation"]
    assert system.stored()[life] == superseded["steps_produced"] >= 60


def test_other_computers_are_kept_out_until_there_are_keys(
    tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HANDSON_CACHE", str(tmp_path / "cache"))
    flags = ("--run-dir", str(tmp_path / "run"), "--device", "cpu", "--bind", "tcp://0.0.0.0:5555")
    assert cli.main(["learner", *flags]) == 2
    told = capsys.readouterr().err
    assert "run: handson keys make   and start the learner with --keys" in told
    keys("make", tmp_path / "keys")
    assert list((tmp_path / "keys").glob("*.key_secret"))


@pytest.fixture
def computers() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What goes before a command to run it on one of two computers with a cable between them."""
    if shutil.which("ip") is None:
        pytest.skip("needs iproute2")
    lab, robot = (f"handson-{name}-sys{os.getpid()}" for name in ("lab", "robot"))
    ends = [f"sl{os.getpid() % 100000}", f"sr{os.getpid() % 100000}"]
    try:
        ip("netns", "add", lab)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    try:
        ip("netns", "add", robot)
        ip("link", "add", ends[0], "netns", lab, "type", "veth", "peer", "name", ends[1], "netns", robot)
        for name, end, address in ((lab, ends[0], LAB), (robot, ends[1], ROBOT)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield ("ip", "netns", "exec", lab), ("ip", "netns", "exec", robot)
    finally:
        for name in (lab, robot):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=20)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


def keys(command: str, directory: Path, *words: str) -> None:
    assert cli.main(["keys", command, *words, "--directory", str(directory)]) == 0


@pytest.mark.root
@pytest.mark.timeout(200)
def test_across_a_network_a_known_actor_trains_and_an_unknown_one_is_told_what_to_do(
    computers: tuple[tuple[str, ...], tuple[str, ...]], system: System, tmp_path: Path
) -> None:
    lab, robot, stranger = (tmp_path / f"keys-{name}" for name in ("lab", "robot", "stranger"))
    for directory in (lab, robot, stranger):
        keys("make", directory, "--host", directory.name)
    keys("authorise", lab, str(robot / f"{robot.name}.key"))
    for directory in (robot, stranger):
        keys("trust", directory, str(lab / f"{lab.name}.key"))
    on_lab, on_robot = computers
    listen = ("--keys", str(lab), "--end-with-actors")
    learner = system.learner("tcp://0.0.0.0:5555", *listen, inside=on_lab)
    address = f"tcp://{LAB}:5555"
    unknown = system.actor(address, "actor-1", "--keys", str(stranger), inside=on_robot)
    known = system.actor(address, "actor-0", "--keys", str(robot), inside=on_robot)
    assert ended(unknown) == 2
    told = " ".join(unknown.log.read_text().split())
    assert "does not know the key of this host" in told
    assert "handson keys authorise" in told
    system.wait_for_steps("actor-0", PENDULUM_STEPS + 60, learner, known)
    known.send_signal(signal.SIGINT)
    assert [ended(process) for process in (known, learner)] == [0, 0], learner.log.read_text()
    system.require_agreement(system.summary("actor-0"))
    assert system.summary("actor-0")["snapshots_applied"] > 0
    assert system.steps_of("actor-1") == 0
