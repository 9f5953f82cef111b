"""`handson actor`: put one actor together, let it practise, part from the learner, say what was done."""

import dataclasses
import gc
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from rich.console import Console

from actor.both_ways import BothWays, Way, summary_of
from actor.config import ActorConfig
from actor.json_file import write_json
from actor.live_view import live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.denying import deny_by_key
from actor.policy_runner import configure_device
from actor.stop import StopSignal
from actor.summary import Summary
from actor.teleop import open_device
from actor.working_life import Around, WorkingLife, working_life
from actor.world import World, open_world
from robot_env.teleop.base import TeleopDevice
from shared.config import dump_toml, parse_command_line
from shared.errors import HandsOnError
from shared.version import code_version

log = logging.getLogger(__name__)

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
                summaries, failure = _live(config, world, stop)
        except Exception:
            log.exception("the actor failed")
            raise
        for summary in summaries:
            write_json(config.run_dir / f"{summary.actor_id}.json", summary.as_dict())
            Console().print(summary.as_table())
    if failure is not None:
        raise failure
    return 0


def _live(config: ActorConfig, world: World, stop: StopSignal) -> tuple[list[Summary], HandsOnError | None]:
    """From the first Hello to the Farewell, for one task or for two; and what ended it early, if it did."""
    with (
        _device(config, world) as device,
        attended(config.operator, stop, world.judge, device) as operator,
        live_view(config.view, f"{config.actor_id} on {config.environment}") as show,
        ExitStack() as living,
    ):
        around = Around(stop=stop, operator=operator, device=device, show=show)
        lives = [
            living.enter_context(working_life(told, there, around))
            for told, there in _tasks(config, world, living)
        ]
        deny_by_key(operator, [life.world.judge for life in lives])
        failure = _practise(config, lives, around)
        seconds = config.farewell_seconds if stop.hurried else UNHURRIED_SECONDS
        return [life.part(seconds) for life in lives], failure


def _tasks(config: ActorConfig, world: World, living: ExitStack) -> list[tuple[ActorConfig, World]]:
    """What is practised, and where: one task, or two in turns, which are then never evaluated."""
    if config.both.back is None or config.both.back_connect is None:
        return [(config, world)]
    still = dataclasses.replace(config.evaluation, every_steps=0)
    forward = dataclasses.replace(config, evaluation=still)
    back = dataclasses.replace(
        forward,
        task=config.both.back,
        env=None,
        actor_id=f"{config.actor_id}-back",
        link=dataclasses.replace(config.link, connect=config.both.back_connect),
    )
    judging = dataclasses.replace(
        config.judging, classifier=config.both.back_classifier, classifier_data=None, classifier_demos=()
    )
    there = living.enter_context(world.also(config.both.back, config.scene, judging))
    return [(forward, world), (back, there)]


def _practise(config: ActorConfig, lives: Sequence[WorkingLife], around: Around) -> HandsOnError | None:
    """Practise to the end; what a person has to put right is returned, so that parting comes first."""
    ways = [Way(task=e.config.task, practice=e.practice, rollout=e.world.rollout) for e in lives]
    call = around.operator.want_scene if lives[0].world.real else around.operator.call
    both = BothWays(config.both, ways, around.stop, call) if len(ways) > 1 else None
    around.operator.describe = both.describe if both else lives[0].practice.describe
    try:
        for life in lives:
            life.greet()
        with _settled_memory():
            (both or lives[0].practice).run()
    except HandsOnError as error:
        around.stop.set(str(error))
        return error
    finally:
        if both is not None:
            write_json(config.run_dir / f"{config.actor_id}-both-ways.json", summary_of(both.trials))
    return None


@contextmanager
def _device(config: ActorConfig, world: World) -> Iterator[TeleopDevice | None]:
    """The device to take over with, where there is to be one."""
    if config.teleop is None:
        yield None
        return
    with closing(open_device(config.teleop, world, config.scene, config.clock)) as device:
        yield device


@contextmanager
def _settled_memory() -> Iterator[None]:
    """Keep the garbage collector off what is there already: looking through it all takes 0.1 s and more."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
