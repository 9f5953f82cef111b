"""What `handson sim` starts from where it does not know the environment: its interface decides.

From numbers it learns by SAC as published. Where there are pictures it sees them through the default trunk,
in an encoder that the critics train (as DrQ and SERL do without demonstrations), and keeps fewer rows: as
many as fit into `PICTURE_BYTES`.
"""

import dataclasses

from actor.config import ActorConfig, EvaluationSchedule
from deploy.sim_config import SimConfig
from learner.agents.config import SACConfig
from learner.config import PRESETS, LearnerConfig
from learner.ratio import RatioConfig
from learner.replay.budget import ReplayConfig, budget
from learner.replay.layout import BatchLayout
from robot_env.registry import make
from shared.clock import ManualClock
from shared.interface import InterfaceSpec
from shared.policy.encoder import ImageEncoder
from shared.policy.vision import cameras

PICTURE_BYTES = 2 * 10**9
"""Replay memory of an environment with pictures, frames and maps together."""
LEAST_ROWS = 1_000
PINNED_SHARE = 0.1
PICTURE_BATCH = 128
MOVING_FRAMES = 3
"""Pictures that are seen together where nothing but pictures could show a motion."""

FOREIGN = SimConfig(
    env="gymnasium:",
    demos=0,
    target=None,
    learner=dataclasses.replace(
        PRESETS["scratch"], ratio=RatioConfig(utd=2.0, warmup_steps=1000, clock="simulated")
    ),
    actor=ActorConfig(
        clock="simulated",
        random_steps=1000,
        greedy_share=0.0,
        evaluation=EvaluationSchedule(every_steps=2000, episodes=10),
    ),
)


def foreign(env: str, preset: str = "default") -> SimConfig:
    """The settings for an environment by name; another preset than `default` replaces the learner's.

    Raises:
        ConfigError: there is no such environment, or HandsOn cannot learn from its spaces.
    """
    interface = interface_of(env)
    learner = _learner(interface) if preset == "default" else PRESETS[preset]
    return dataclasses.replace(FOREIGN, env=env, learner=fitted(learner, interface))


def interface_of(env: str) -> InterfaceSpec:
    """What an environment shows and takes; it is built, asked and closed."""
    world = make(env, clock=ManualClock())
    try:
        return world.get_wrapper_attr("interface")
    finally:
        world.close()


def fitted(learner: LearnerConfig, interface: InterfaceSpec) -> LearnerConfig:
    """The same settings with fewer rows, where pictures would take more than `PICTURE_BYTES`."""
    if not cameras(interface):
        return learner
    replay = learner.sampler.replay
    fitting = PICTURE_BYTES // _row_bytes(learner.agent, replay, interface)
    rows = max(LEAST_ROWS, fitting // LEAST_ROWS * LEAST_ROWS)
    pinned = min(replay.pinned_rows, int(rows * PINNED_SHARE))
    fewer = dataclasses.replace(
        replay, pinned_rows=pinned, online_rows=min(replay.online_rows, rows - pinned)
    )
    return dataclasses.replace(learner, sampler=dataclasses.replace(learner.sampler, replay=fewer))


def _learner(interface: InterfaceSpec) -> LearnerConfig:
    if not (pictures := cameras(interface)):
        return FOREIGN.learner
    agent, sampler = FOREIGN.learner.agent, FOREIGN.learner.sampler
    stack = MOVING_FRAMES if len(pictures) == len(interface.observations) else 1
    vision = dataclasses.replace(agent.vision, shared=True, frame_stack=stack)
    return dataclasses.replace(
        FOREIGN.learner,
        agent=dataclasses.replace(agent, vision=vision),
        sampler=dataclasses.replace(sampler, batch_size=PICTURE_BATCH),
    )


def _row_bytes(agent: SACConfig, replay: ReplayConfig, interface: InterfaceSpec) -> int:
    shapes = {}
    if agent.vision.frozen and replay.cached_shifts:
        encoder = ImageEncoder(agent.vision, interface)
        shapes = {name: encoder.map_shape(name) for name in encoder.cameras}
    layout = BatchLayout(interface=interface, frame_stack=agent.vision.frame_stack, map_shapes=shapes)
    return budget(layout, replay, updates=1, batch_size=1, batches_alive=1).row_bytes
