"""Bytes on the actor's control socket against the bytes of the camera frames that they carry.

One episode of a hundred steps with two cameras, a state vector of 20 and three actions of 7, each message
counted with ZeroMQ's header of every frame: steps in messages of 16, as under load, and each in a message of
its own, as at 10 Hz. The last step carries two observations, so it stands alone too. Acknowledgements and
heartbeats go the other way or with the clock, and are not counted.
"""

from collections.abc import Iterator, Sequence

from shared.codec import encode, records_message
from shared.records import StepRecord
from shared.step import new_incarnation
from tests.benchmarks._link_actor import BATCH, EPISODE_STEPS, episodes

SIDES = (64, 96, 128)
GOAL = 1.02
SHORT_FRAME_BYTES = 255


def main() -> Iterator[dict[str, object]]:
    """One row for each picture size."""
    return map(row, SIDES)


def row(side: int) -> dict[str, object]:
    """Ratios, and bytes beside the frames of a step."""
    steps = list(episodes(EPISODE_STEPS, side, new_incarnation()))
    observation = 2 * side * side * 3
    carried = (EPISODE_STEPS + 1) * observation
    together, alone, last = wire_bytes(steps, BATCH), wire_bytes(steps, 1), wire_bytes(steps[-1:], 1)
    return {
        "name": f"wire bytes / frames, two {side}x{side} cameras",
        "ratio": round(together / carried, 4),
        "ratio_one_step_a_message": round(alone / carried, 4),
        "ratio_last_step": round(last / (2 * observation), 4),
        "ratio_to_frames_of_steps_without_last_observation": round(
            together / (EPISODE_STEPS * observation), 4
        ),
        "bytes_a_step_beside_frames": round((together - carried) / EPISODE_STEPS),
        "bytes_a_step_beside_frames_one_step_a_message": round((alone - carried) / EPISODE_STEPS),
        "goal": GOAL,
    }


def wire_bytes(steps: Sequence[StepRecord], batch: int) -> int:
    """Bytes of these steps, `batch` in a message."""
    frames: list[bytes | memoryview] = []
    for first in range(0, len(steps), batch):
        message, buffers = records_message(steps[first : first + batch])
        frames += [encode(message), *buffers]
    return sum(_on_the_wire(memoryview(frame).nbytes) for frame in frames)


def _on_the_wire(size: int) -> int:
    """A ZMTP 3 frame: a byte of flags, the length in one byte or eight, the body."""
    return size + (2 if size <= SHORT_FRAME_BYTES else 9)
