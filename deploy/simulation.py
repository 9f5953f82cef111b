"""One run of `handson sim`: demos, then learner and actor side by side, then the final evaluation.

Each phase is a process of its own, started through `deploy.children`, so this one only watches: it reads
metrics.jsonl, draws the screen, and decides when to stop.
"""

import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from deploy.children import Child, ProcessFailed, start
from deploy.metrics_tail import MetricsTail
from deploy.progress import Progress
from deploy.screen import Screen
from deploy.services import Service, running
from deploy.target import Target
from shared.clock import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
# After Ctrl-C: first the actor, then the learner, five seconds for both.
ACTOR_END_SECONDS = 2.2
LEARNER_END_SECONDS = 2.3
# After a failure nobody waits: what is left writes down what it has.
FAILURE_END_SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, and for how long.

    Attributes:
        run: the run directory.
        demos: command that records demonstrations; None for none.
        learner, actor: commands of the training processes.
        evaluation: asked for its command once training is over, for it names the policy.
        environment: variables for each process by name, on top of this one's.
        services: what must run as long as the run does, in the order in which they are started.
        actor_id: names the actor's log.
        budget_seconds: for everything.
        evaluation_seconds: kept back from the budget for ending and evaluating.
        finish_seconds: how long actor and learner may take to finish what they have once training stops.
        target: when to stop before the time is up; None never stops early.
    """

    run: Path
    demos: list[str] | None
    learner: list[str]
    actor: list[str]
    evaluation: Callable[[], list[str]]
    actor_id: str
    budget_seconds: float
    evaluation_seconds: float
    finish_seconds: float
    target: Target | None
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    services: Sequence[Service] = ()


class Simulation:
    """Runs a plan once, all on the calling thread; the budget counts from `started` on the clock."""

    def __init__(self, plan: Plan, screen: Screen, clock: Clock, started: float) -> None:
        self.progress = Progress()
        self._plan = plan
        self._screen = screen
        self._clock = clock
        self._metrics = MetricsTail(plan.run / "metrics.jsonl")
        self._started = started
        self._beside: Sequence[Child] = ()

    def run(self) -> str:
        """All phases; returns why training stopped: "target", "time" or "steps".

        Raises:
            ProcessFailed: a process ended with an error; the others were ended in order.
            KeyboardInterrupt: Ctrl-C or SIGTERM; likewise.
        """
        with one_interrupt(), self._services():
            if self._plan.demos is not None:
                self._alone("demos", "recording demonstrations", self._plan.demos)
            cause = self._train()
            self._alone("evaluation", "evaluating", self._plan.evaluation())
        return cause

    @contextmanager
    def _services(self) -> Iterator[None]:
        if self._plan.services:
            self.progress.phase = f"starting {' and '.join(each.name for each in self._plan.services)}"
            self._screen.show(self.progress)
        with running(self._plan.services, self._plan.run, self._clock) as self._beside:
            yield

    def _alone(self, name: str, phase: str, command: list[str]) -> None:
        """One process from start to end."""
        self.progress.phase = phase
        child = self._start(name, command)
        try:
            while child.wait(LOOK_SECONDS) is None:
                self._look()
            child.check()
        finally:
            child.end(LEARNER_END_SECONDS)

    def _train(self) -> str:
        self.progress.phase = "starting learner and actor"
        learner = self._start("learner", self._plan.learner)
        try:
            actor = self._start(self._plan.actor_id, self._plan.actor)
        except BaseException:
            learner.end(LEARNER_END_SECONDS)
            raise
        try:
            cause = self._watch(learner, actor)
            self._finish(learner, actor)
        except KeyboardInterrupt:
            actor.end(ACTOR_END_SECONDS)
            raise
        finally:
            try:
                actor.end(FAILURE_END_SECONDS)
            finally:
                learner.end(LEARNER_END_SECONDS)
        return cause

    def _watch(self, learner: Child, actor: Child) -> str:
        """Until there is a reason to stop."""
        stop_at = self._started + self._plan.budget_seconds - self._plan.evaluation_seconds
        while True:
            learner_ended = learner.status is not None  # asked first: it ends right after the actor
            actor_ended = actor.wait(LOOK_SECONDS) is not None
            self._look()
            for child in (learner, actor):
                child.check()
            if actor_ended:
                return "steps"
            if learner_ended:
                raise ProcessFailed("learner", "ended before the actor did", f"read {learner.log_path}")
            if self._plan.target is not None and self._plan.target.reached(self.progress.evaluations):
                return "target"
            if self._clock.now() >= stop_at:
                return "time"
            if self.progress.updates:
                self.progress.phase = "practising"

    def _finish(self, learner: Child, actor: Child) -> None:
        """The actor says Goodbye, the learner spends what it has and ends by itself."""
        self.progress.phase = "finishing"
        actor.interrupt()
        self._wait_for(actor)
        self._wait_for(learner)

    def _wait_for(self, child: Child) -> None:
        deadline = self._clock.now() + self._plan.finish_seconds
        while child.wait(LOOK_SECONDS) is None:
            self._look()
            if self._clock.now() >= deadline:
                log.warning("%s has not finished after %.0f s", child.name, self._plan.finish_seconds)
                child.end(LEARNER_END_SECONDS)
        child.check()

    def _look(self) -> None:
        for child in self._beside:
            if child.status is not None:
                raise child.failure()
        self.progress.fold(self._metrics.read())
        self._screen.show(self.progress)

    def _start(self, name: str, command: list[str]) -> Child:
        environment = self._plan.environment.get(name, {})
        child = start(name, command, self._plan.run / f"{name}.log", environment)
        try:
            self._look()
        except BaseException:  # an interrupt may come at any moment: nobody else knows of it yet
            child.end(LEARNER_END_SECONDS)
            raise
        return child


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Within the block the first Ctrl-C, SIGTERM or SIGHUP raises KeyboardInterrupt; others are ignored.

    A SIGHUP that was ignored before, as nohup does, stays ignored.
    """

    def first(number: int, frame: FrameType | None) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    caught = [signal.SIGINT, signal.SIGTERM, *([] if nohup else [signal.SIGHUP])]
    before = {number: signal.signal(number, first) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
