"""Practice: episode after episode, by whoever's turn it is, until somebody says stop.

Between episodes it adopts a policy with another network (that compiles), evaluates when it is due, and holds
while there is no policy that it may act by or no room for steps. Inside an episode it only exchanges
parameters.
"""

import logging
from collections.abc import Callable

from actor.config import ActorConfig
from actor.evaluating.exam import Exam
from actor.late_labels import LATE_SECONDS
from actor.mending import Mending
from actor.operating.robot_operator import Idle
from actor.outcome import EpisodeOutcome
from actor.parts import Parts
from actor.periodic_evaluation import PeriodicEvaluation
from actor.rewards.base import Verdict
from actor.rollout import EpisodeHooks
from actor.scoring import EvaluationResult
from actor.seeds import start_seed
from actor.warm_up import WarmUp
from shared.errors import ObservationError, RobotFault, SpoolFull
from shared.step import EpisodeKind, Source, Step, Why

log = logging.getLogger(__name__)

TURN_SECONDS = 0.1
"""How long one look at the outside takes while there is nothing to do."""

Told = Callable[[EpisodeOutcome], None]


class Practice:
    """The training life of one actor, on the control thread.

    Attributes:
        training_steps: steps produced for training.
        episodes: episodes begun.
    """

    def __init__(self, config: ActorConfig, parts: Parts) -> None:
        self.training_steps = 0
        self.episodes = 0
        self._config = config
        self._parts = parts
        self._stop = parts.stop
        self._mending = Mending(parts.rollout, parts.operator, parts.stop, parts.clock, rest=self._rest)
        exam = Exam(
            rollout=parts.rollout,
            begun=self._begun,
            interrupted=self._asked,
            mend=self._mending.wait,
        )
        self._evaluation = PeriodicEvaluation(
            config.evaluation, exam, parts.runner, parts.session, parts.stop
        )
        self._warm_up = WarmUp(random_steps=config.random_steps, scripted_steps=config.scripted_steps)
        self._faults = 0
        self._turn = Source.POLICY
        self._steps_before = 0
        self._holding = ""
        self._passed_over: Callable[[], bool] = lambda: False
        self._overruled: Told = lambda outcome: None

    @property
    def evaluations(self) -> list[EvaluationResult]:
        """Results of evaluations, in order."""
        return self._evaluation.results

    def describe(self) -> str:
        """Where practice stands, in one line."""
        snapshot = self._parts.runner.snapshot
        policy = "no policy yet" if snapshot is None else f"policy {snapshot.version}"
        link = "" if self._parts.session.connected else " | the learner is out of reach"
        holding = f" | holding: {self._holding}" if self._holding else ""
        help_ = self._parts.assistance
        helped = f" | {help_.lately.as_line()}" if help_ is not None else ""
        return f"episode {self.episodes} | {self.training_steps} steps | {policy}{link}{holding}{helped}"

    def run(self) -> None:
        """Practise until there is a cause to stop.

        Raises:
            HandsOnError: the environment is broken, the learner refused this actor, or a thread failed.
        """
        while self._stop.cause is None:
            self.turn()
        self.conclude()

    def turn(
        self, passed_over: Callable[[], bool] = lambda: False, overruled: Told = lambda outcome: None
    ) -> EpisodeOutcome | None:
        """One episode and what is due before it; None where there was none to play.

        Args:
            passed_over: asked after the reset; where it says so the episode ends before its first step.
            overruled: takes the outcome anew where a person says later what became of the episode.
        """
        self._look_outside()
        self._parts.operator.between_episodes(self._idle)
        self._adopt(between_episodes=True)
        self._evaluation.run_if_due(self.training_steps)
        self._finish_when_done()
        self._passed_over, self._overruled = passed_over, overruled
        return self._practise_or_hold() if self._stop.cause is None else None

    def await_success(self, said: Callable[[], bool]) -> None:
        """Give whoever judges the time that they have to call the last episode a success, until they did."""
        clock, operator = self._parts.clock, self._parts.operator
        if not (self._parts.late_labels.open and operator.present):
            return
        operator.call(f"it is over: s within {LATE_SECONDS:g} s, else it counts as no success")
        until = clock.now() + LATE_SECONDS
        while not said() and clock.now() < until:
            self._idle()
            if self._stop.wait(TURN_SECONDS) is not None:
                return

    def conclude(self) -> None:
        """Nothing more is practised: say what happened last."""
        self._look_outside()
        self._parts.telemetry.report(self.training_steps)

    def _practise_or_hold(self) -> EpisodeOutcome | None:
        self._turn = self._warm_up.turn()
        if self._turn is Source.POLICY and (reason := self._no_policy()):
            self._hold(reason, logging.INFO if self._parts.runner.snapshot is None else logging.WARNING)
            return None
        self._holding = ""
        hooks = EpisodeHooks(
            begun=self._begun,
            before_choice=self._before_choice,
            interrupted=self._interrupted,
            keep=self._keep,
            correct=lambda number, verdict: self._parts.corrections.add(self.episodes, number, verdict),
        )
        seed = start_seed(self._config.seed, self._parts.who, self.episodes)
        self._steps_before = self.training_steps
        outcome = self._parts.rollout.play(self._parts.choosers[self._turn], seed, hooks)
        self._after(outcome)
        self.episodes += 1
        return outcome

    def _no_policy(self) -> str | None:
        """Why the policy may not act, or None. What a connected learner published last is never too old."""
        if self._parts.runner.snapshot is None:
            return "the learner has not published a policy yet"
        limit = self._config.max_policy_age_seconds
        if not self._parts.session.connected and self._parts.feed.age_seconds() > limit:
            return f"the learner is out of reach and its newest policy is more than {limit:g} s old"
        return None

    def _before_choice(self) -> None:
        self._wait_for_learner()
        self._adopt(between_episodes=False)
        if self._turn is Source.POLICY:
            self._parts.telemetry.policy_age_seconds.add(self._parts.feed.policy_age_seconds())

    def _wait_for_learner(self) -> None:
        """On a simulated clock: lead the learner by no more than it allows, once it was there."""
        session, began = self._parts.session, self._parts.clock.now()
        if self._config.clock == "wall" or (
            self._turn is not Source.POLICY and not session.welcomed(timeout_seconds=0.0)
        ):
            return
        while self._stop.cause is None and not session.wait_for_lead(self.training_steps, TURN_SECONDS):
            self._look_outside()
        self._parts.telemetry.lead_wait_seconds += self._parts.clock.now() - began

    def _adopt(self, *, between_episodes: bool) -> None:
        newest = self._parts.feed.newest()
        if newest is not None and (between_episodes or not self._parts.runner.compiles(newest)):
            self._warm_up.hear_of(newest)
            self._parts.runner.load(newest)

    def _interrupted(self) -> Why | None:
        """Why to end the episode here, in the middle; the step is sound, and is not called a fault."""
        if (asked := self._parts.operator.after_step(self._idle)) is not None:
            return asked
        ends = self._stop.cause is not None or self._done(self.training_steps + 1)
        holds = self._turn is Source.POLICY and self._no_policy() is not None
        if ends or holds:
            return Why.OPERATOR_ABORT
        limit = self._config.episode_steps
        long_enough = limit is not None and self.training_steps + 1 - self._steps_before >= limit
        return Why.TIME_LIMIT if long_enough else None

    def _begun(self) -> Why | None:
        """Why an episode that was reset shall not begin."""
        if self._passed_over():
            return Why.OPERATOR_ABORT
        asked = self._asked(self._parts.operator.begun)
        if asked is None:
            self._parts.late_labels.look()
            self._parts.late_labels.began()
        return asked

    def _asked(self, ask: Callable[[Idle], Why | None] | None = None) -> Why | None:
        """What the operator wants, or that acting ends."""
        asked = (ask or self._parts.operator.after_step)(self._idle)
        return asked or (Why.OPERATOR_ABORT if self._stop.cause is not None else None)

    def _idle(self) -> None:
        """Nothing is stepped: say so to the arm, and look after the rest."""
        self._parts.rollout.hold()
        self._look_outside()

    def _keep(self, step: Step, number: int) -> None:
        self._parts.uplink.put(step, self.episodes, number, EpisodeKind.TRAINING)
        self._parts.show(step, self.episodes, number)
        self.training_steps += 1
        self._warm_up.count(self._turn)

    def _after(self, outcome: EpisodeOutcome) -> None:
        if isinstance(outcome.fault, RobotFault):
            self._mending.wait(outcome)
        elif isinstance(outcome.fault, ObservationError):
            self._count_fault(outcome.fault)
        else:
            self._faults = 0
            self._mending.sound()
        if isinstance(outcome.fault, SpoolFull) and outcome.unkept is not None:
            self._keep_when_possible(outcome.fault, outcome.unkept, outcome.length - 1)
        if self._parts.assistance is not None and self._turn is Source.POLICY and outcome.length:
            self._parts.assistance.add(outcome, self.episodes)
        if outcome.length or outcome.fault is not None:
            self._parts.telemetry.episode(outcome, self.training_steps)
        self._parts.late_labels.ended(outcome, self._parts.rollout.judge, self._overruling(outcome))

    def _overruling(self, outcome: EpisodeOutcome) -> Callable[[Verdict], None]:
        """What a later verdict on this episode, which was counted already, changes."""
        parts, episode, told = self._parts, self.episodes, self._overruled

        def overrule(verdict: Verdict) -> None:
            nonlocal outcome
            before, outcome = outcome, outcome.overruled(verdict)
            parts.corrections.add(episode, outcome.length - 1, verdict)
            parts.telemetry.overrule(before, outcome)
            if parts.assistance is not None:
                parts.assistance.overrule(before, outcome)
            told(outcome)

        return overrule

    def _count_fault(self, fault: ObservationError) -> None:
        self._faults += 1
        log.error("episode %d broken off (%d in a row): %s", self.episodes, self._faults, fault)
        if self._faults >= self._config.max_faults:
            raise ObservationError(
                "acting",
                f"{self._faults} faulty episodes in a row; the last: {fault.cause}",
                f"{fault.cure}; then start the actor again: what it recorded is kept",
            ) from fault

    def _keep_when_possible(self, full: SpoolFull, step: Step, number: int) -> None:
        """Hold with the last step in hand until there is room for it, or acting ends."""
        while self._stop.cause is None:
            self._hold(str(full), logging.ERROR)
            try:
                self._keep(step, number)
            except SpoolFull as still:
                full = still
            else:
                return
        log.error("step %d of episode %d was not produced: %s", number, self.episodes, full)

    def _rest(self) -> None:
        """Leave the arm to its own watchdog, which ends its motion."""
        began = self._parts.clock.now()
        self._stop.wait(TURN_SECONDS)
        self._parts.telemetry.hold_seconds += self._parts.clock.now() - began
        self._look_outside()

    def _hold(self, reason: str, level: int) -> None:
        if reason != self._holding:
            log.log(level, "holding: %s", reason)
            self._holding = reason
        began = self._parts.clock.now()
        self._parts.rollout.hold()
        self._stop.wait(TURN_SECONDS)
        self._parts.telemetry.hold_seconds += self._parts.clock.now() - began
        self._look_outside()

    def _look_outside(self) -> None:
        """Raise what another thread failed with; hear what was said of the episode before."""
        self._parts.late_labels.look()
        self._parts.corrections.send()
        self._parts.session.check()
        self._parts.uplink.check()

    def _done(self, training_steps: int) -> bool:
        return self._config.max_steps is not None and training_steps >= self._config.max_steps

    def _finish_when_done(self) -> None:
        if self._done(self.training_steps):
            self._stop.set(f"{self.training_steps} training steps were made")
