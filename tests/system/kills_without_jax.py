"""Random SIGKILLs of an actor's and a learner's transport, as real processes over loopback, without JAX.

    python -m tests.system.kills_without_jax --kills 1000

The producer process is ring, spool, session and dialer; the keeper is listener, ingest, ledger and log.
After every `put` that returned, the producer appends its number to a side file. At the end a last producer
delivers what is left, and the log must hold each of those steps exactly once, in order, with its contents.
Children are forked from one process that has imported everything, so that a life costs milliseconds.
"""

import argparse
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from actor.session import Session
from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
from learner.ingest import Ingest
from learner.log import EpisodeLog, LogConfig, read_log
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.delivery import DeliveryCounters, ReceiveLedger
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.dialer import DialerConfig
from shared.link.listener import ListenerConfig
from shared.protocol import PROTOCOL_VERSION, Hello
from shared.records import AmendRecord, LostRecord, StepRecord
from shared.step import EpisodeKind, Observation, Source, Step, StepId
from tests.system.forks import finish, fork, kill, require

ACTOR = "actor"
IMAGE = 24
CAMERAS = ("front/image", "wrist/image")
AMEND_EVERY = 50
KILLS_A_ROUND = 50
LEASE = {"lease_seconds": 2.0, "heartbeat_seconds": 0.4}
FINISH_SECONDS = 60.0
INTERFACE = InterfaceSpec(
    name="kills",
    observations=(
        ObservationEntry(name="state", shape=(3,), dtype="float32"),
        *(ObservationEntry(name=camera, shape=(IMAGE, IMAGE, 3), dtype="uint8") for camera in CAMERAS),
    ),
    actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)


def observation_of(number: int) -> Observation:
    """What is seen at this number; no two frames of one stream and its cameras are alike."""
    frames = {
        camera: np.random.default_rng((number, index)).integers(0, 256, (IMAGE, IMAGE, 3), np.uint8)
        for index, camera in enumerate(CAMERAS)
    }
    return {"state": np.full(3, number, np.float32), **frames}


def step_of(number: int) -> Step:
    """The step with this number, recognisable by its contents."""
    last = number % 100 == 99
    return Step(
        observation=observation_of(number),
        chosen_action=np.zeros(1, np.float32),
        executed_command=np.zeros(1, np.float32),
        source=Source.RANDOM,
        reward=float(number),
        truncated=last,
        final_observation=observation_of(number + 10**6) if last else None,
    )


class Round:
    """One run directory that processes are killed over."""

    def __init__(self, directory: Path, port: int) -> None:
        self.spool = directory / "spool"
        self.log = directory / "log"
        self.side = directory / "returned"
        self.side.mkdir(parents=True)
        self.endpoint = f"tcp://127.0.0.1:{port}"

    def produce(self, incarnation: str, seed: int) -> None:
        """A producer: puts steps until it is killed."""
        uplink, _ = self._open(incarnation)
        rng = random.Random(seed)
        side = os.open(self.side / incarnation, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        number = 0
        while True:
            identity = uplink.put(step_of(number), number // 100, number % 100, EpisodeKind.TRAINING)
            os.write(side, b"s")
            if number % AMEND_EVERY == AMEND_EVERY - 1:
                uplink.amend(identity, reward=-1.0)
                os.write(side, b"a")
            number += 1
            uplink.check()
            time.sleep(rng.expovariate(400.0))

    def deliver_rest(self, incarnation: str) -> None:
        """The last producer: delivers everything and parts."""
        uplink, session = self._open(incarnation)
        theirs = session.goodbye(FINISH_SECONDS)
        mine = uplink.counters()
        session.close(5.0)
        uplink.close(5.0)
        if theirs is None or (theirs.received, theirs.durable, theirs.lost) != (
            mine.produced,
            mine.produced,
            0,
        ):
            raise RuntimeError(f"the counts differ: {mine} here, {theirs} there")

    def keep(self) -> None:
        """A keeper: stores what arrives until SIGTERM, or until it is killed."""
        over: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: over.append(number))
        restored = [0]

        def open_log(interface: InterfaceSpec, on_durable: Callable[..., None]) -> EpisodeLog:
            commit = LogConfig(group_commit_seconds=0.05, segment_bytes=2**20)
            return EpisodeLog(
                self.log, interface, SystemClock(), commit, on_durable=on_durable, next_position=restored[0]
            )

        ingest = Ingest(
            ListenerConfig(bind=self.endpoint, **LEASE),
            RatioConfig(),
            incarnation=f"keeper-{os.getpid()}",
            open_log=open_log,
        )
        restored[0] = ingest.restore(self.log)
        ingest.start()
        while not over:
            ingest.check()
            time.sleep(0.01)
        ingest.close(10.0)

    def await_steps(self, seconds: float) -> None:
        """Until some `put` has returned: the round has something to lose."""
        deadline = time.monotonic() + seconds
        while not any(file.stat().st_size for file in self.side.iterdir()):
            require(time.monotonic() < deadline, f"no step within {seconds:g} s")
            time.sleep(0.01)

    def verify(self) -> DeliveryCounters:
        """Raise unless the log holds what the side files say that was produced, once and in order."""
        ledger = ReceiveLedger()
        found: dict[str, list[StepRecord | AmendRecord]] = {}
        for record in read_log(self.log):
            require(not isinstance(record, LostRecord), f"reported lost: {record}")
            ledger.restore(record)
            stream = record.identity if isinstance(record, StepRecord) else record
            found.setdefault(stream.incarnation, []).append(record)
        for incarnation, records in found.items():
            self._verify_stream(incarnation, records)
        for file in self.side.iterdir():
            require(not file.stat().st_size or file.name in found, f"nothing of {file.name} arrived")
        # A hidden directory is of a life that ended before it produced anything; it is swept after a minute.
        left = [path for path in (self.spool / ACTOR).iterdir() if not path.name.startswith(".")]
        require(not left, f"not removed: {left}")
        counters = ledger.counters()
        require(counters.received == counters.produced and not counters.lost, str(counters))
        return counters

    def _verify_stream(self, incarnation: str, records: list[StepRecord | AmendRecord]) -> None:
        where = f"stream {incarnation}"
        returned = len((self.side / incarnation).read_bytes()) if (self.side / incarnation).exists() else 0
        require(len(records) - returned in (0, 1), f"{where}: {returned} puts returned, {len(records)} kept")
        require([r.sequence for r in records] == list(range(len(records))), f"{where}: out of order")
        number = 0
        for record in records:
            if isinstance(record, AmendRecord):
                require(record.target == StepId(ACTOR, incarnation, *divmod(number - 1, 100)), f"{record}")
                continue
            require(record.identity[2:] == divmod(number, 100), f"{where}: {record.identity} at {number}")
            expected = step_of(number)
            same = alike(record.step.observation, expected.observation)
            same &= alike(record.step.final_observation or {}, expected.final_observation or {})
            require(same and record.step.reward == number, f"{where}: contents of {number}")
            number += 1

    def _open(self, incarnation: str) -> tuple[Uplink, Session]:
        config = UplinkConfig(ring_bytes=2**20, segment_bytes=2**20)
        uplink = Uplink(self.spool, ACTOR, incarnation, INTERFACE, config)
        hello = Hello(
            protocol_version=PROTOCOL_VERSION,
            channel="control",
            actor_id=ACTOR,
            incarnation=incarnation,
            interface=INTERFACE,
            clock="wall",
            code_version="test",
            host="here",
        )
        session = Session(DialerConfig(connect=self.endpoint, **LEASE), hello, uplink)
        session.start()
        return uplink, session


def alike(found: Observation, expected: Observation) -> bool:
    """Whether two observations are equal, byte for byte."""
    return found.keys() == expected.keys() and all(
        found[name].tobytes() == array.tobytes() for name, array in expected.items()
    )


class Mayhem:
    """The two processes of one round, and their fate."""

    def __init__(self, round_: Round, rng: random.Random) -> None:
        self._round = round_
        self._rng = rng
        self._lives = 0
        self._running: dict[str, int] = {}

    def run(self, kills: int) -> None:
        """Kill one, the other or both until `kills` are done, then let the rest be delivered."""
        self._start("keeper", "producer")
        while kills:
            time.sleep(self._rng.choice((0.02, 0.1, 0.2, 0.4)) * self._rng.uniform(0.5, 1.5))
            victims = self._rng.choice((("keeper",), ("producer",), ("producer", "keeper")))[:kills]
            for victim in victims:
                kill(self._running.pop(victim))
            kills -= len(victims)
            if self._rng.random() < 0.2:
                time.sleep(self._rng.uniform(0.0, 0.2))
            self._start(*victims)
        self._round.await_steps(FINISH_SECONDS)
        kill(self._running.pop("producer"))
        finish(fork(lambda: self._round.deliver_rest(self._next_life())), FINISH_SECONDS)
        keeper = self._running.pop("keeper")
        os.kill(keeper, signal.SIGTERM)
        finish(keeper, FINISH_SECONDS)

    def end(self) -> None:
        """Leave no process behind."""
        for pid in self._running.values():
            kill(pid)

    def _start(self, *names: str) -> None:
        for name in names:
            incarnation, seed = self._next_life(), self._rng.randrange(2**32)
            produce = functools.partial(self._round.produce, incarnation, seed)
            self._running[name] = fork(self._round.keep if name == "keeper" else produce)

    def _next_life(self) -> str:
        self._lives += 1
        return f"{self._lives:06d}"


def unused_port(rng: random.Random) -> int:
    """A free port below the ephemeral ones, so that no dialling socket ever takes it."""
    while True:
        port = rng.randrange(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def main() -> int:
    """Rounds of kills, each over a fresh directory; prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    began, left, total = time.monotonic(), arguments.kills, DeliveryCounters()
    while left:
        kills = min(left, KILLS_A_ROUND)
        directory = Path(tempfile.mkdtemp(prefix="handson-kills-"))
        round_ = Round(directory, unused_port(rng))
        mayhem = Mayhem(round_, rng)
        try:
            mayhem.run(kills)
            total += round_.verify()
        except BaseException:
            print(f"seed {arguments.seed}: see {directory}", file=sys.stderr)
            raise
        finally:
            mayhem.end()
        shutil.rmtree(directory)
        left -= kills
        print(f"{arguments.kills - left} kills, {total}", file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - began, 1)
    print(
        json.dumps({"kills": arguments.kills, "seed": arguments.seed, "seconds": seconds, **total.as_dict()})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
