"""WorkingLife: an actor on one task, from the first Hello to the Farewell: line, policy and practice."""

import dataclasses
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from actor.assistance import Assistance
from actor.choosers import Chooser, DeviceChooser, RandomChooser
from actor.config import ActorConfig
from actor.connection import Connection, connect
from actor.corrections import Corrections
from actor.late_labels import LateLabels
from actor.live_view import Show
from actor.operating.robot_operator import Operator
from actor.parts import Parts
from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.practice import Practice
from actor.rewards.base import DeniedReward, RewardModel
from actor.seeds import noise_seed, player
from actor.stop import StopSignal
from actor.summary import Summary
from actor.takeover import TakeoverChooser
from actor.telemetry import Telemetry
from actor.teleop import open_device
from actor.trunks import Trunks
from actor.world import World
from robot_env.teleop.base import TeleopDevice
from shared.clock import SystemClock
from shared.step import Source, new_incarnation
from shared.version import code_version

log = logging.getLogger(__name__)

GREETING_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the lives of one process share.

    Attributes:
        device: what somebody may take over by.
        show: takes each step for a live look.
        late_labels: what is said of the episode that ended last, whichever life played it.
    """

    stop: StopSignal
    operator: Operator
    device: TeleopDevice | None
    show: Show
    late_labels: LateLabels = field(default_factory=LateLabels)


@dataclass(frozen=True, kw_only=True)
class WorkingLife:
    """One of them; `practice` is run by whoever has it."""

    config: ActorConfig
    world: World
    connection: Connection
    practice: Practice
    parts: Parts
    began: float

    def greet(self) -> None:
        """Tell a person at the terminal whom this actor waits for; raises when the learner refuses it."""
        config = self.config
        if self.connection.session.welcomed(GREETING_SECONDS):
            return
        console, learner = Console(), config.join.agentlace or config.link.connect
        console.print(f"{config.actor_id}: waiting for the learner at {learner}")
        if config.random_steps or config.scripted_steps:
            console.print(
                f"{config.actor_id}: meanwhile warming up; steps are kept in {config.spool_directory}"
            )

    def part(self, deadline_seconds: float) -> Summary:
        """Deliver what is left, say Goodbye, and sum up."""
        learner = self.connection.part(deadline_seconds)
        return _judged(self._summary(learner, self.parts.clock.now() - self.began), self.world.judge)

    def _summary(self, learner: dict[str, int], wall_seconds: float) -> Summary:
        parts, practice, telemetry = self.parts, self.practice, self.parts.telemetry
        evaluations = practice.evaluations
        overrun = parts.rollout.overrun_seconds.percentile(99) if self.config.clock == "wall" else None
        return Summary(
            actor_id=self.config.actor_id,
            incarnation=parts.uplink.stream[1],
            environment=self.config.environment,
            cause=parts.stop.cause or "",
            wall_seconds=wall_seconds,
            steps_produced=practice.training_steps,
            training_steps=practice.training_steps,
            episodes=practice.episodes,
            evaluations=len(evaluations),
            success_rate=evaluations[-1].success_rate if evaluations else None,
            snapshots_applied=parts.runner.loads,
            policy_age_p99_seconds=telemetry.policy_age_seconds.percentile(99),
            selection_p99_seconds=parts.runner.selection_seconds.percentile(99),
            period_overrun_p99_seconds=overrun,
            lead_wait_seconds=telemetry.lead_wait_seconds,
            hold_seconds=telemetry.hold_seconds,
            helped=None if parts.assistance is None else parts.assistance.total,
            uplink=parts.uplink.counters().as_dict(),
            learner=learner,
            code_version=code_version(),
        )


def _judged(summary: Summary, judge: RewardModel) -> Summary:
    """With what there is to say of a classifier that judged."""
    if not isinstance(judge, DeniedReward):
        return summary
    seconds = judge.judging_seconds.percentile(99)
    return dataclasses.replace(summary, judge=judge.identity, judging_p99_seconds=seconds)


@contextmanager
def working_life(config: ActorConfig, world: World, around: Around) -> Iterator[WorkingLife]:
    """Dial the learner and put everything together; nothing is practised yet.

    Raises:
        HandsOnError: something a person can put right.
    """
    clock, incarnation = SystemClock(), new_incarnation()
    began = clock.now()
    who = player(config.spool_directory, config.actor_id, incarnation)
    seed, trunks = noise_seed(config.seed, who), Trunks()
    runner = PolicyRunner(world.interface, seed=seed, device=config.device, trunks=trunks)
    with (
        connect(config, world.interface, incarnation, trunks) as connection,
        _choosers(config, world, runner, around) as choosers,
    ):
        around.stop.watch(lambda: connection.session.stop_requested)
        assistance = None if around.device is None else Assistance()
        parts = Parts(
            who=who,
            rollout=world.rollout,
            runner=runner,
            choosers=choosers,
            uplink=connection.uplink,
            session=connection.session,
            feed=connection.feed,
            telemetry=Telemetry(connection.session, runner, clock, assistance, world.judge),
            stop=around.stop,
            clock=clock,
            operator=around.operator,
            late_labels=around.late_labels,
            corrections=Corrections(connection.uplink),
            assistance=assistance,
            show=around.show,
        )
        yield WorkingLife(
            config=config,
            world=world,
            connection=connection,
            practice=Practice(config, parts),
            parts=parts,
            began=began,
        )


@contextmanager
def _choosers(
    config: ActorConfig, world: World, runner: PolicyRunner, around: Around
) -> Iterator[Mapping[Source, Chooser]]:
    """Who acts in which stage; the script is there only where it is asked for."""
    size = world.interface.action_size
    policy: Chooser = PolicyChooser(runner, greedy_share=config.greedy_share)
    if around.device is not None:
        policy = TakeoverChooser(policy, around.device, around.operator.drive)
    choosers: dict[Source, Chooser] = {Source.RANDOM: RandomChooser(size), Source.POLICY: policy}
    with ExitStack() as held:
        if config.scripted_steps:
            script = held.enter_context(closing(open_device("script", world, config.scene, config.clock)))
            choosers[Source.SCRIPT] = DeviceChooser(script, size)
        yield choosers
