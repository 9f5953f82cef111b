"""What each task is trained with, unless told otherwise: the numbers that were tuned, all in one place.

Measured on two CPU cores; `docs/results/` holds what they reach.
"""

import dataclasses
from typing import Literal

from actor.config import ActorConfig, EvaluationSchedule
from deploy.sim_config import SimConfig
from deploy.sim_foreign import foreign
from deploy.target import Target
from learner.config import PRESETS, LearnerConfig
from learner.ratio import RatioConfig
from robot_env.tasks import TASKS
from shared.config import suggest
from shared.errors import ConfigError

FRANKA_SIM = "franka-sim"
PENDULUM = "gymnasium:Pendulum-v1"


def _learner(
    *,
    utd: float,
    warmup_steps: int,
    preset: str = "default",
    clock: Literal["wall", "simulated"] = "simulated",
) -> LearnerConfig:
    ratio = RatioConfig(utd=utd, warmup_steps=warmup_steps, clock=clock)
    return dataclasses.replace(PRESETS[preset], ratio=ratio)


def _actor(*, every_steps: int, episodes: int, random_steps: int = 0) -> ActorConfig:
    schedule = EvaluationSchedule(every_steps=every_steps, episodes=episodes)
    greedy_share = 0.0 if random_steps else 0.5
    return ActorConfig(
        clock="simulated", random_steps=random_steps, greedy_share=greedy_share, evaluation=schedule
    )


SIM_TASKS: dict[str, SimConfig] = {
    "reach": SimConfig(
        task="reach",
        minutes=2.0,
        demos=40,
        evaluation_seconds=25.0,
        target=Target(stop_at=0.98, pass_at=0.95),
        learner=_learner(utd=4.0, warmup_steps=100),
        actor=_actor(every_steps=250, episodes=50),
    ),
    "pick_cube": SimConfig(
        task="pick_cube",
        minutes=8.0,
        demos=20,
        learner=_learner(utd=4.0, warmup_steps=200),
        actor=_actor(every_steps=500, episodes=30),
    ),
    "pick_cube_dense": SimConfig(
        task="pick_cube_dense",
        minutes=8.0,
        demos=20,
        learner=_learner(utd=4.0, warmup_steps=200),
        actor=_actor(every_steps=500, episodes=30),
    ),
    "peg_insert": SimConfig(
        task="peg_insert",
        minutes=25.0,
        demos=20,
        target=Target(stop_at=0.9, pass_at=0.8),
        learner=_learner(utd=4.0, warmup_steps=200),
        actor=_actor(every_steps=500, episodes=30),
    ),
    "relocate": SimConfig(
        task="relocate",
        minutes=12.0,
        demos=20,
        learner=_learner(utd=4.0, warmup_steps=200),
        actor=_actor(every_steps=500, episodes=30),
    ),
    "reach_vision": SimConfig(
        task="reach_vision",
        minutes=10.0,
        demos=200,
        evaluation_seconds=60.0,
        target=Target(stop_at=0.95, pass_at=0.9),
        learner=_learner(utd=4.0, warmup_steps=100, preset="pixels"),
        actor=_actor(every_steps=500, episodes=50),
    ),
    "pick_cube_vision": SimConfig(
        task="pick_cube_vision",
        minutes=40.0,
        demos=20,
        evaluation_seconds=120.0,
        target=Target(stop_at=0.95, pass_at=0.9),
        learner=_learner(utd=4.0, warmup_steps=200, preset="pixels"),
        actor=_actor(every_steps=500, episodes=30),
    ),
    "peg_insert_vision": SimConfig(
        task="peg_insert_vision",
        minutes=40.0,
        demos=20,
        evaluation_seconds=120.0,
        target=Target(stop_at=0.9, pass_at=0.8),
        learner=_learner(utd=4.0, warmup_steps=200, preset="pixels"),
        actor=_actor(every_steps=500, episodes=30),
    ),
    "relocate_vision": SimConfig(
        task="relocate_vision",
        minutes=60.0,
        demos=20,
        evaluation_seconds=120.0,
        target=Target(stop_at=0.9, pass_at=0.8),
        learner=_learner(utd=4.0, warmup_steps=200, preset="pixels"),
        actor=_actor(every_steps=500, episodes=30),
    ),
    PENDULUM: SimConfig(
        env=PENDULUM,
        minutes=10.0,
        demos=0,
        target=Target(metric="mean_return", stop_at=-200.0, pass_at=-250.0),
        learner=_learner(utd=2.0, warmup_steps=500, preset="scratch"),
        actor=_actor(every_steps=1000, episodes=10, random_steps=500),
    ),
}


SIM_TASKS |= {
    task: dataclasses.replace(SIM_TASKS["relocate"], task=task)
    for task in ("relocate_forward", "relocate_back")
}

REAL_TIME_TASKS: dict[str, SimConfig] = {
    "reach": SimConfig(
        task="reach",
        minutes=20.0,
        demos=20,
        evaluation_seconds=240.0,
        final_episodes=20,
        video=False,
        target=Target(stop_at=0.95, stop_after=3, pass_at=0.9),
        learner=_learner(utd=4.0, warmup_steps=100, clock="wall"),
        actor=_actor(every_steps=500, episodes=10),
    ),
}
"""Over a robot server: every step takes a period, every start a motion, and nothing can be filmed."""


def defaults(task: str, env: str | None, preset: str = "default", arm: str | None = None) -> SimConfig:
    """The settings for a task or environment; another preset than `default` replaces the learner's.

    Raises:
        ConfigError: there is no such task, environment or preset, with the nearest one; or not on this arm.
    """
    if arm == FRANKA_SIM:
        return _real_time(env or task, preset)
    if env is None and task not in TASKS:
        raise ConfigError("sim", f"there is no task {task!r}", suggest(task, TASKS, "tasks"))
    if preset not in PRESETS:
        raise ConfigError("sim", f"there is no preset {preset!r}", suggest(preset, PRESETS, "presets"))
    if env and env not in SIM_TASKS:
        return foreign(env, preset)
    found = SIM_TASKS.get(env or task, SimConfig(task=task))
    if env:
        found = dataclasses.replace(found, env=env)
    return found if preset == "default" else dataclasses.replace(found, learner=PRESETS[preset])


def on_arm(config: SimConfig, arm: str | None) -> SimConfig:
    """The settings with another arm; None keeps the task's own."""
    if arm is None:
        return config
    scene = dataclasses.replace(config.actor.scene, arm=arm)
    return dataclasses.replace(config, actor=dataclasses.replace(config.actor, scene=scene))


def _real_time(name: str, preset: str) -> SimConfig:
    if name not in REAL_TIME_TASKS:
        cure = f"choose one of {', '.join(REAL_TIME_TASKS)}, whose objects are only imagined"
        raise ConfigError("sim", f"{name!r} has things that the arm {FRANKA_SIM} does not see", cure)
    found = REAL_TIME_TASKS[name]
    if preset == "default":
        return found
    ratio = dataclasses.replace(PRESETS[preset].ratio, clock="wall")
    return dataclasses.replace(found, learner=dataclasses.replace(PRESETS[preset], ratio=ratio))
