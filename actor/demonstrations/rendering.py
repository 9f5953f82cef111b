"""`handson demo render PATH --out demo.webm`: what the cameras showed, side by side, as a video.

Where a task shows no pictures, its episodes are played again in simulation and drawn.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from actor.demonstrations.choice import numbers
from actor.demonstrations.loading import Episodes, Numbered, load
from actor.demonstrations.playback import Departures, play
from actor.strips import observations
from actor.video import Picture, VideoWriter
from actor.world import open_world
from shared.errors import ConfigError
from shared.interface import require_equal
from shared.policy.vision import cameras
from shared.step import Observation

STAGE = "drawing episodes"
LINGER_FRAMES = 5


def main(argv: Sequence[str]) -> int:
    """Write the video."""
    parser = argparse.ArgumentParser(prog="handson demo render", description="Draw episodes as a video.")
    parser.add_argument("path", type=Path, help="episode file, or a directory of them")
    parser.add_argument("--out", type=Path, required=True, help="WebM file, as in demo.webm")
    parser.add_argument("--episodes", type=numbers, metavar="N,N-N", help="only these, counted from 0")
    parser.add_argument("--size", type=int, default=640, help="longer side of the video in pixels")
    parser.add_argument("--task", help="task to play in where it shows none (default: the recording's)")
    arguments = parser.parse_args(list(argv))
    if arguments.size < 16:
        raise ConfigError(STAGE, f"size is {arguments.size}", "give at least 16")
    loaded = load(arguments.path, numbers=arguments.episodes)
    chosen = loaded.episodes
    shown = (
        _pictured(loaded, chosen) if cameras(loaded.interface) else _played(loaded, chosen, arguments.task)
    )
    count = 0
    with VideoWriter(
        arguments.out, frames_per_second=loaded.interface.control_hz, size=arguments.size
    ) as video:
        for picture, caption in shown:
            video.write(picture, caption)
            count += 1
    print(f"{arguments.out}: {len(chosen)} episodes, {count} pictures")
    return 0


def side_by_side(observation: Observation, names: Sequence[str]) -> Picture:
    """The cameras' pictures in a row, (H, W, 3) uint8 RGB, as high as the highest."""
    pictures = [np.asarray(observation[name], np.uint8) for name in names]
    height = max(picture.shape[0] for picture in pictures)
    return np.hstack([_scaled(picture, height) for picture in pictures])


def _scaled(picture: Picture, height: int) -> Picture:
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _pictured(loaded: Episodes, chosen: Sequence[Numbered]) -> Iterator[tuple[Picture, str]]:
    names = cameras(loaded.interface)
    for one in chosen:
        steps = [record.step for record in one.episode.steps]
        for observation in observations(steps):
            yield side_by_side(observation, names), f"episode {one.number}"
        for _ in range(LINGER_FRAMES):
            yield side_by_side(observations(steps)[-1], names), _caption(one)


def _played(loaded: Episodes, chosen: Sequence[Numbered], task: str | None) -> Iterator[tuple[Picture, str]]:
    with open_world(task or loaded.interface.name, "simulated", render=True, reward="environment") as world:
        require_equal(loaded.interface, world.interface, "the recording", "this world")
        for one in chosen:
            if one.start_seed is None:
                raise ConfigError(
                    STAGE, f"nothing tells where episode {one.number} began", "leave it out by --episodes"
                )
            steps = [record.step for record in one.episode.steps]
            departures = Departures(loaded.interface, tolerance=0.01)
            for _ in play(world.env, steps, one.start_seed, departures, commands="chosen"):
                yield np.asarray(world.env.render(), np.uint8), f"episode {one.number}"
            for _ in range(LINGER_FRAMES):
                yield np.asarray(world.env.render(), np.uint8), _caption(one)
            if departures.first is not None:
                print(f"episode {one.number} departs from its recording before step {departures.first}")


def _caption(one: Numbered) -> str:
    return f"episode {one.number}: {one.episode.steps[-1].step.why or 'no end'}"
