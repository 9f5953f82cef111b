"""A film shows the cameras beside the view of the same moment."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from actor.film import LINGER_FRAMES, Film
from actor.video import VideoWriter
from shared.step import Source, Step, Why


def look(level: int) -> dict[str, np.ndarray]:
    return {"front/image": np.full((32, 32, 3), level, np.uint8), "state": np.zeros(1, np.float32)}


def play(film: Film, world: list[int], length: int, *, fault: bool = False) -> None:
    """An episode in a world whose state goes up by 20 a step; `world` holds the state that is drawn."""
    nothing = np.zeros(1, np.float32)
    world[0] = 0
    for number in range(length):
        before, last = world[0], number == length - 1
        world[0] += 20
        step = Step(
            observation=look(before),
            chosen_action=nothing,
            executed_command=nothing,
            source=Source.POLICY,
            reward=0.0,
            truncated=last,
            why=Why.TIME_LIMIT if last else None,
            final_observation=look(world[0]) if last and not fault else None,
        )
        film.frame(0, step)


class Frames:
    """Stands for a VideoWriter: keeps what would be written."""

    def __init__(self) -> None:
        self.written: list[tuple[int, list[int], str]] = []

    def write(self, view: np.ndarray, caption: str, beside: list[np.ndarray]) -> None:
        self.written.append((int(view[0, 0, 0]), [int(picture[0, 0, 0]) for picture in beside], caption))

    def close(self) -> None:
        pass


def film_of(world: list[int], writer: object, cameras: tuple[str, ...]) -> Film:
    return Film(writer, lambda: np.full((24, 32, 3), world[0], np.uint8), cameras, episodes=1)  # pyright: ignore[reportArgumentType]


def test_view_and_cameras_show_the_same_moment() -> None:
    world, frames = [0], Frames()
    with film_of(world, frames, ("front/image",)) as film:
        play(film, world, 3)
    views = [view for view, _, _ in frames.written]
    assert views == [20, 40, *[60] * LINGER_FRAMES]
    assert [beside for _, beside, _ in frames.written] == [[view] for view in views]
    assert frames.written[0][2] == "episode 1"
    assert frames.written[-1][2] == "episode 1: time_limit"


def test_after_a_fault_the_cameras_show_what_they_last_did() -> None:
    world, frames = [0], Frames()
    with film_of(world, frames, ("front/image",)) as film:
        play(film, world, 2, fault=True)
    assert frames.written[-1][:2] == (40, [20])


def test_later_episodes_are_not_filmed() -> None:
    world, frames = [0], Frames()
    with film_of(world, frames, ()) as film:
        film.frame(1, Step(**{**step_fields(), "observation": look(0)}))
        play(film, world, 2)
    assert [view for view, _, _ in frames.written] == [20, *[40] * LINGER_FRAMES]


def step_fields() -> dict[str, object]:
    nothing = np.zeros(1, np.float32)
    return {"chosen_action": nothing, "executed_command": nothing, "source": Source.POLICY, "reward": 0.0}


@pytest.mark.parametrize("cameras", [(), ("front/image",)])
def test_it_plays(tmp_path: Path, cameras: tuple[str, ...]) -> None:
    world, path = [0], tmp_path / "policy.webm"
    with film_of(world, VideoWriter(path, frames_per_second=10, size=64), cameras) as film:
        play(film, world, 4)
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    capture.release()
    assert len(frames) == 3 + LINGER_FRAMES
    assert frames[0].shape == (48, 64 + (48 if cameras else 0), 3)
