"""`handson actor`: put one actor together, let it practise, part from the learner, say what was done."""

import dataclasses
import gc
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager

from rich.console import Console

from actor.assistance import Assistance
from actor.choosers import Chooser, DeviceChooser, RandomChooser
from actor.config import ActorConfig
from actor.connection import Connection, connect
from actor.json_file import write_json
from actor.late_labels import LateLabels
from actor.live_view import live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.robot_operator import Operator
from actor.policy_runner import PolicyChooser, PolicyRunner, configure_device
from actor.practice import Parts, Practice
from actor.rewards.base import DeniedReward, RewardModel
from actor.seeds import noise_seed, player
from actor.stop import StopSignal
from actor.summary import Summary
from actor.takeover import TakeoverChooser
from actor.telemetry import Telemetry
from actor.teleop import open_device
from actor.trunks import Trunks
from actor.world import World, open_world
from robot_env.teleop.base import TeleopDevice
from shared.clock import SystemClock
from shared.config import dump_toml, parse_command_line
from shared.errors import HandsOnError
from shared.step import Source, new_incarnation
from shared.version import code_version

log = logging.getLogger(__name__)

GREETING_SECONDS = 1.0
UNHURRIED_SECONDS = 15.0
"""How long parting may take when no signal asked for it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Act until the learner, a signal or `max_steps` says stop; 0 for each of them.

    Raises:
        HandsOnError: something a person can put right; what was produced is kept.
    """
    config = parse_command_line(
        ActorConfig,
        sys.argv[1:] if argv is None else argv,
        prog="handson actor",
        description="Step an environment with the newest policy, and send what happened to the learner.",
    )
    stop = StopSignal()
    log_path = config.run_dir / f"{config.actor_id}.log"
    with logging_to(log_path, verbose=config.verbose), stop.on_signals():
        log.info("handson %s\n%s", code_version(), dump_toml(config))
        configure_device(config.device)
        try:
            with open_world(
                config.environment,
                config.clock,
                reward=config.reward,
                scene=config.scene,
                judging=config.judging,
            ) as world:
                summary, failure = _live(config, world, stop)
        except Exception:
            log.exception("the actor failed")
            raise
        write_json(config.run_dir / f"{config.actor_id}.json", summary.as_dict())
        Console().print(summary.as_table())
    if failure is not None:
        raise failure
    return 0


def _live(config: ActorConfig, world: World, stop: StopSignal) -> tuple[Summary, HandsOnError | None]:
    """One life from the first Hello to the Farewell, and what ended it early, if something did."""
    clock, incarnation = SystemClock(), new_incarnation()
    began = clock.now()
    who = player(config.spool_directory, config.actor_id, incarnation)
    seed, trunks = noise_seed(config.seed, who), Trunks()
    runner = PolicyRunner(world.interface, seed=seed, device=config.device, trunks=trunks)
    with (
        _device(config, world) as device,
        attended(config.operator, stop, world.judge, device) as operator,
        live_view(config.view, f"{config.actor_id} on {config.environment}") as show,
        connect(config, world.interface, incarnation, trunks) as connection,
        _choosers(config, world, runner, device, operator) as choosers,
    ):
        stop.watch(lambda: connection.session.stop_requested)
        assistance = None if device is None else Assistance()
        parts = Parts(
            who=who,
            rollout=world.rollout,
            runner=runner,
            choosers=choosers,
            uplink=connection.uplink,
            session=connection.session,
            feed=connection.feed,
            telemetry=Telemetry(connection.session, runner, clock, assistance),
            stop=stop,
            clock=clock,
            operator=operator,
            late_labels=LateLabels(world.judge, connection.uplink),
            assistance=assistance,
            show=show,
        )
        practice = Practice(config, parts)
        operator.describe = practice.describe
        failure = _practise(config, connection, practice, stop)
        learner = connection.part(config.farewell_seconds if stop.hurried else UNHURRIED_SECONDS)
        summary = _summarise(config, practice, parts, learner, clock.now() - began)
        return _judged(summary, world.judge), failure


def _practise(
    config: ActorConfig, connection: Connection, practice: Practice, stop: StopSignal
) -> HandsOnError | None:
    """Practise to the end; what a person has to put right is returned, so that parting comes first."""
    try:
        _greet(config, connection)
        with _settled_memory():
            practice.run()
    except HandsOnError as error:
        stop.set(str(error))
        return error
    return None


def _summarise(
    config: ActorConfig, practice: Practice, parts: Parts, learner: dict[str, int], wall_seconds: float
) -> Summary:
    evaluations, telemetry = practice.evaluations, parts.telemetry
    helped = None if parts.assistance is None else parts.assistance.total
    overrun = parts.rollout.overrun_seconds.percentile(99) if config.clock == "wall" else None
    return Summary(
        actor_id=config.actor_id,
        incarnation=parts.uplink.stream[1],
        environment=config.environment,
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
        helped=helped,
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
def _device(config: ActorConfig, world: World) -> Iterator[TeleopDevice | None]:
    """The device to take over with, where there is to be one."""
    if config.teleop is None:
        yield None
        return
    with closing(open_device(config.teleop, world, config.scene, config.clock)) as device:
        yield device


@contextmanager
def _choosers(
    config: ActorConfig, world: World, runner: PolicyRunner, device: TeleopDevice | None, operator: Operator
) -> Iterator[Mapping[Source, Chooser]]:
    """Who acts in which stage; the script is there only where it is asked for."""
    size = world.interface.action_size
    policy: Chooser = PolicyChooser(runner, greedy_share=config.greedy_share)
    if device is not None:
        policy = TakeoverChooser(policy, device, operator.drive)
    choosers: dict[Source, Chooser] = {Source.RANDOM: RandomChooser(size), Source.POLICY: policy}
    with ExitStack() as held:
        if config.scripted_steps:
            script = held.enter_context(closing(open_device("script", world, config.scene, config.clock)))
            choosers[Source.SCRIPT] = DeviceChooser(script, size)
        yield choosers


@contextmanager
def _settled_memory() -> Iterator[None]:
    """Keep the garbage collector off what is there already: looking through it all takes 0.1 s and more."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _greet(config: ActorConfig, connection: Connection) -> None:
    """Tell a person at the terminal whom this actor waits for; raises when the learner refuses it."""
    if connection.session.welcomed(GREETING_SECONDS):
        return
    console = Console()
    console.print(
        f"{config.actor_id}: waiting for the learner at {config.join.agentlace or config.link.connect}"
    )
    if config.random_steps or config.scripted_steps:
        console.print(f"{config.actor_id}: meanwhile warming up; steps are kept in {config.spool_directory}")
