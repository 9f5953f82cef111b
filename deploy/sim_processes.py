"""The processes of one simulated run: what each is told, and the command that starts it.

Each is told by a file of its own in the run directory, so that it can be started again by hand.
"""

import dataclasses
from pathlib import Path

from actor.config import FINAL_START_SEED, ActorConfig
from actor.teleop import device_settings, in_real_time
from actor.world import ClockKind
from deploy.children import handson
from deploy.services import free_port
from deploy.sim_config import SimConfig
from deploy.sim_robot import attach
from deploy.simulation import Plan
from learner.config import LearnerConfig
from shared.config import dump_toml

SETTINGS = "config.toml"
DEMOS = "demos.mcap"
BEST = "best.snapshot"
VIDEO = "policy.webm"


def plan(config: SimConfig, run: Path) -> Plan:
    """Write the settings of every process, and say how each is started."""
    config, services = attach(config, run)
    address = f"tcp://127.0.0.1:{free_port()}"
    learner, actor = learner_config(config, run, address), actor_config(config, run, address)
    for name, settings in (("config", config), ("learner", learner), (actor.actor_id, actor)):
        (run / f"{name}.toml").write_text(dump_toml(settings))
    return Plan(
        run=run,
        services=services,
        demos=demo_command(config, run) if config.demos else None,
        learner=handson("learner", "--config", str(run / "learner.toml")),
        actor=handson("actor", "--config", str(run / f"{actor.actor_id}.toml")),
        evaluation=lambda: evaluation_command(config, run),
        actor_id=actor.actor_id,
        budget_seconds=60 * config.minutes,
        evaluation_seconds=config.evaluation_seconds,
        finish_seconds=config.finish_seconds,
        target=config.target,
        environment={"learner": config.learner_environment, actor.actor_id: config.actor_environment},
    )


def learner_config(config: SimConfig, run: Path, address: str) -> LearnerConfig:
    """The learner's settings: the run decides where it listens, what it starts from and when it ends."""
    return dataclasses.replace(
        config.learner,
        run_dir=run,
        seed=config.seed,
        demos=(run / DEMOS,) if config.demos else (),
        end_with_actors=True,
        ratio=dataclasses.replace(config.learner.ratio, clock=practice_clock(config)),
        listener=dataclasses.replace(config.learner.listener, bind=address),
    )


def actor_config(config: SimConfig, run: Path, address: str) -> ActorConfig:
    """The actor's settings: the run decides what it practises and where."""
    return dataclasses.replace(
        config.actor,
        task=config.task,
        env=config.env,
        run_dir=run,
        seed=config.seed,
        link=dataclasses.replace(config.actor.link, connect=address),
        teleop=config.teleop,
        clock=practice_clock(config),
        reward=config.reward or config.actor.reward,
        judging=config.judging if config.reward else config.actor.judging,
        farewell_seconds=config.finish_seconds,
        evaluation=dataclasses.replace(config.actor.evaluation, keep_best=run / BEST),
    )


def practice_clock(config: SimConfig) -> ClockKind:
    """The wall's where a person is to take over; what is done without one stays as fast as it was."""
    scene, name = config.actor.scene, config.teleop
    real_time = name is not None and in_real_time(device_settings(name, scene))
    return "wall" if real_time else config.learner.ratio.clock


def demo_command(config: SimConfig, run: Path) -> list[str]:
    """Records `<run>/demos.mcap` by script."""
    return handson(
        *("demo", "--device", "script", "--task", config.task, "--episodes", str(config.demos)),
        *("--seed", str(config.seed), "--out", str(run), "--clock", config.learner.ratio.clock),
        *config.actor.scene.arguments(),
        *(("--reward", config.reward, *config.judging.arguments()) if config.reward else ()),
    )


def evaluation_command(config: SimConfig, run: Path) -> list[str]:
    """Plays the final episodes with the best policy; leaves `<run>/evaluation.json` and the video."""
    world = ("--env", config.env) if config.env else ("--task", config.task)
    video = ("--video", str(run / VIDEO)) if config.video else ()
    return handson(
        *("eval", "--policy", str(best_policy(run)), *world, "--out", str(run), *video),
        *("--episodes", str(config.final_episodes), "--start-seed", str(FINAL_START_SEED)),
        *("--clock", config.learner.ratio.clock),
        *config.actor.scene.arguments(),
    )


def best_policy(run: Path) -> Path:
    """The policy that did best on the stopping starts; where none was evaluated, the newest checkpoint's."""
    best = run / BEST
    if best.is_file():
        return best
    saved = [path for path in run.glob("checkpoints/*/policy.snapshot") if path.parent.name.isdigit()]
    return max(saved, key=lambda path: int(path.parent.name), default=best)
