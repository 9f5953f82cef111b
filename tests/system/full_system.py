"""Random SIGKILLs of a whole learner and a whole actor, as real processes over loopback, while they train.

    python -m tests.system.full_system --kills 30

Killed processes are started again as a person would: the learner with --resume, the actor as before. Most are
killed after the system has made progress, some while they still start. The actor writes down each step of
which `put` returned. At the end training must have finished, and the learner's log must hold each of those
steps once, in order, with its contents; the counters of both sides and the number of updates must agree.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.children import Child, handson, start
from learner.log import read_log
from shared.records import LostRecord, StepRecord
from tests.system import small, witness

ACTOR = "actor-0"
STEPS_BETWEEN_KILLS = (small.LEAD_STEPS + 10, 80)
STEPS_A_KILL = 150
STEPS_BESIDES = 200
HURRIED = 0.2
PROGRESS_SECONDS = 120.0
FINISH_SECONDS = 300.0
POLL_SECONDS = 0.02


class Run:
    """One run directory, and the commands of its two processes."""

    def __init__(self, directory: Path, max_steps: int, actor: Sequence[str] = small.ACTOR) -> None:
        self.directory = directory
        self.witness = directory / "witness"
        self.max_steps = max_steps
        self._actor = actor
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"

    def command(self, name: str) -> list[str]:
        """How to start "learner" or "actor", for the first time or again."""
        run = ("--run-dir", str(self.directory))
        if name == "actor":
            witnessed = [sys.executable, "-m", "tests.system.witness", str(self.witness)]
            return [*witnessed, *run, "--actor-id", ACTOR, "--connect", self.endpoint, *self._actor]
        if (self.directory / "learner.toml").exists():
            return handson("learner", *run, "--resume")
        goal = ("--max-steps", str(self.max_steps), "--bind", self.endpoint)
        return handson("learner", *run, *goal, *small.LEARNER)

    def verify(self, actor_kills: int) -> dict[str, Any]:
        """The counts, where everything is as it should be; raises AssertionError where it is not."""
        records = list(read_log(self.directory / "episodes"))
        lost = [record for record in records if isinstance(record, LostRecord)]
        require(not lost, f"reported lost: {lost}")
        steps = [record for record in records if isinstance(record, StepRecord)]
        unwitnessed = self._verify_steps(steps)
        require(unwitnessed <= actor_kills, f"{unwitnessed} steps of which no put returned")
        learner, actor = self._summary("learner"), self._summary(ACTOR)
        self._verify_learner(learner, len(steps))
        for side in (actor["uplink"], actor["learner"]):
            require(side["produced"] == side["received"] == side["durable"], f"counters of the actor: {side}")
            require(side["lost"] == 0, f"counters of the actor: {side}")
        left = [path.name for path in (self.directory / "spool" / ACTOR).iterdir() if path.name[0] != "."]
        require(not left, f"left in the spool: {left}")
        names = ("env_steps", "updates", "steps_received", "steps_durable", "steps_duplicate", "steps_lost")
        return {"steps_produced": len(steps)} | {name: learner[name] for name in names}

    def _verify_steps(self, steps: list[StepRecord]) -> int:
        """Compare log and witness; returns how many puts a kill kept from being witnessed."""
        produced = self._by_life(witness.read(self.witness))
        stored = self._by_life([witness.line_of(record.identity, record.step) for record in steps])
        for life in produced.keys() | stored.keys():
            theirs, mine = produced.get(life, []), stored.get(life, [])
            require(mine[: len(theirs)] == theirs, f"life {life}: the log differs from what was produced")
            require(len(mine) <= len(theirs) + 1, f"life {life}: more in the log than was produced")
            sequences = [r.sequence for r in steps if r.identity.incarnation == life]
            require(sequences == list(range(len(mine))), f"life {life}: out of order")
            for before, after in itertools.pairwise(mine):
                follows = (before.episode, before.number + 1), (before.episode + 1, 0)
                require((after.episode, after.number) in follows, f"{after} follows {before}")
        return sum(map(len, stored.values())) - sum(map(len, produced.values()))

    @staticmethod
    def _by_life(lines: list[witness.Line]) -> dict[str, list[witness.Line]]:
        found: dict[str, list[witness.Line]] = {}
        for line in lines:
            found.setdefault(line.incarnation, []).append(line)
        return found

    def _verify_learner(self, found: Mapping[str, Any], steps: int) -> None:
        require(found["cause"] == f"{self.max_steps} training steps were asked for", found["cause"])
        require(found["env_steps"] >= self.max_steps, f"training ended after {found['env_steps']} steps")
        counted = [found[name] for name in ("env_steps", "steps_received", "steps_durable")]
        require(counted == 3 * [steps], f"the log holds {steps} steps, the learner counts {counted}")
        require(found["steps_lost"] == 0, f"{found['steps_lost']} lost")
        due = small.UTD * (found["env_steps"] - small.WARM_UP_STEPS)
        require(0 <= due - found["updates"] <= small.UTD, f"{found['updates']} updates of {due}")

    def _summary(self, name: str) -> dict[str, Any]:
        return json.loads((self.directory / f"{name}.json").read_text())


class Mayhem:
    """The two processes of a run, and their fate."""

    def __init__(self, run: Run, rng: random.Random, cache: Path) -> None:
        self._run = run
        self._rng = rng
        self._environment = small.environment(cache)
        self._running: dict[str, Child] = {}
        self.kills = {"learner": 0, "actor": 0}

    def run(self, kills: int) -> None:
        """Kill one, the other or both until `kills` are done, then let training finish."""
        self._start("learner", "actor")
        hurried = False
        while kills:
            if hurried:
                time.sleep(self._rng.uniform(0.2, 4.0))
            else:
                self._await_steps(self._rng.randint(*STEPS_BETWEEN_KILLS))
            victims = self._rng.choice((["learner"], ["actor"], ["learner", "actor"], ["actor", "learner"]))
            for victim in victims[:kills]:
                self._kill(victim)
            self._start(*victims[:kills])
            kills -= len(victims[:kills])
            hurried = self._rng.random() < HURRIED
        self._await(lambda: self._statuses() == [0, 0], FINISH_SECONDS, "the end of training")

    def end(self) -> None:
        """Leave no process behind."""
        for child in self._running.values():
            child.end(0.0)

    def _start(self, *names: str) -> None:
        for name in names:
            log = self._run.directory / f"{name}-output.log"
            self._running[name] = start(name, self._run.command(name), log, self._environment)
            time.sleep(self._rng.choice((0.0, 0.5)))

    def _kill(self, name: str) -> None:
        child = self._running.pop(name)
        require(child.status is None, f"{name} ended by itself with {child.status}: {child.failure()}")
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10.0)
        self.kills[name] += 1

    def _await_steps(self, steps: int) -> None:
        """More steps than the actor may lead by are only produced once the learner has used some up."""
        goal = witness.count(self._run.witness) + steps
        self._await(
            lambda: witness.count(self._run.witness) >= goal or None not in self._statuses(),
            PROGRESS_SECONDS,
            f"{steps} more steps",
        )

    def _await(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            for child in self._running.values():
                child.check()
            require(time.monotonic() < deadline, f"not within {seconds:g} s: {what}")
            time.sleep(POLL_SECONDS)

    def _statuses(self) -> list[int | None]:
        return [child.status for child in self._running.values()]


def require(condition: object, cause: str) -> None:
    """Raise where `condition` does not hold."""
    if not condition:
        raise AssertionError(cause)


def main() -> int:
    """One run with kills; prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--cache", type=Path, help="directory of compiled programs; none makes a fresh one")
    parser.add_argument("--cameras", action="store_true", help="a task with two cameras, not a pendulum")
    arguments = parser.parse_args()
    actor = small.SEEING_ACTOR if arguments.cameras else small.ACTOR
    began, directory = time.monotonic(), Path(tempfile.mkdtemp(prefix="handson-full-"))
    run = Run(directory / "run", STEPS_BESIDES + STEPS_A_KILL * arguments.kills, actor)
    run.directory.mkdir()
    mayhem = Mayhem(run, random.Random(arguments.seed), arguments.cache or directory / "cache")
    try:
        mayhem.run(arguments.kills)
        counts = run.verify(mayhem.kills["actor"])
    except BaseException:
        print(f"seed {arguments.seed}: see {directory}", file=sys.stderr)
        raise
    finally:
        mayhem.end()
    shutil.rmtree(directory)
    kills = {f"{name}_kills": number for name, number in mayhem.kills.items()}
    seconds = round(time.monotonic() - began, 1)
    print(
        json.dumps({"kills": arguments.kills, "seed": arguments.seed, "seconds": seconds, **kills, **counts})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
