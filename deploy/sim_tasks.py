"""What each task is trained with, unless told otherwise: the numbers that were tuned, all in one place.

Measured on two CPU cores; `docs/results/` holds what they reach.
"""

import dataclasses

from actor.config import ActorConfig, EvaluationSchedule
from deploy.sim_config import SimConfig
from deploy.sim_foreign import foreign
from deploy.target import Target
from learner.config import PRESETS, LearnerConfig
from learner.ratio import RatioConfig
from robot_env.tasks import TASKS
from shared.config import suggest
from shared.errors import ConfigError

PENDULUM = "gymnasium:Pendulum-v1"


def _learner(*, utd: float, warmup_steps: int, preset: str = "default") -> LearnerConfig:
    ratio = RatioConfig(utd=utd, warmup_steps=warmup_steps, clock="simulated")
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
    PENDULUM: SimConfig(
        env=PENDULUM,
        minutes=10.0,
        demos=0,
        target=Target(metric="mean_return", stop_at=-200.0, pass_at=-250.0),
        learner=_learner(utd=2.0, warmup_steps=500, preset="scratch"),
        actor=_actor(every_steps=1000, episodes=10, random_steps=500),
    ),
}


def defaults(task: str, env: str | None, preset: str = "default") -> SimConfig:
    """The settings for a task or environment; another preset than `default` replaces the learner's.

    Raises:
        ConfigError: there is no such task, environment or preset, with the nearest one.
    """
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
