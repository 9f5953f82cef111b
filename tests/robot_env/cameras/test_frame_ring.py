import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.frame_ring import SLOTS, FrameLayout, FrameRing

LAYOUT = FrameLayout(height=90, width=120, depth=True)
WRITER = """
import sys, numpy as np
from robot_env.cameras.frame_ring import FrameLayout, FrameRing
ring = FrameRing(FrameLayout(height=90, width=120, depth=True), int(sys.argv[1]))
number = 0
while True:
    number += 1
    image = np.full((90, 120, 3), number % 251, np.uint8)
    ring.write(image, taken_seconds=number, depth=np.full((90, 120), number % 65536, np.uint16))
"""


@pytest.fixture
def ring():
    made = FrameRing(LAYOUT)
    yield made
    made.close()


def flat(value: int) -> np.ndarray:
    return np.full((90, 120, 3), value % 256, np.uint8)


def test_there_is_nothing_before_the_first_frame(ring) -> None:
    assert ring.newest() is None
    assert ring.newest_taken_seconds() is None


def test_the_other_side_reads_what_was_written_bit_for_bit(ring) -> None:
    rng = np.random.default_rng(0)
    image, depth = rng.integers(0, 256, (90, 120, 3), np.uint8), rng.integers(0, 65536, (90, 120), np.uint16)
    ring.describe("a camera", Intrinsics(fx=1.0, fy=2.0, cx=3.0, cy=4.0), 0.25)
    ring.write(image, taken_seconds=1.5, device_time_seconds=7.25, depth=depth)
    other = FrameRing(LAYOUT, os.dup(ring.descriptor))
    seen = other.newest()
    assert seen is not None
    assert (seen.number, seen.taken_seconds, seen.device_time_seconds) == (1, 1.5, 7.25)
    assert np.array_equal(seen.image, image)
    assert np.array_equal(seen.depth, depth)
    assert (other.text("description"), other.depth_scale) == ("a camera", 0.25)
    assert other.intrinsics == Intrinsics(fx=1.0, fy=2.0, cx=3.0, cy=4.0)
    other.close()


@given(st.integers(1, 20))
def test_only_the_newest_is_read_and_copies_stay_as_they_were(frames: int) -> None:
    ring, kept = FrameRing(LAYOUT), []
    for number in range(1, frames + 1):
        assert ring.write(flat(number), taken_seconds=float(number)) == number
        kept.append(ring.newest())
    assert [sample.number for sample in kept] == list(range(1, frames + 1))
    assert [int(sample.image[0, 0, 0]) for sample in kept] == list(range(1, frames + 1))
    ring.close()


def test_a_frame_that_is_being_written_is_not_read(ring) -> None:
    ring.write(flat(1), taken_seconds=1.0)
    ring._slots[1 % SLOTS]["mark"] = 2 * 4 - 1  # the writer has come round to this slot, and was stopped
    assert ring.newest() is None


def test_texts_are_cut_and_never_overrun(ring) -> None:
    ring.set_text("complaint", "é" * 1000)
    assert ring.text("complaint").startswith("éé")
    ring.set_text("complaint", "")
    assert ring.text("complaint") == ""


def test_no_frame_is_torn_while_another_process_writes_as_fast_as_it_can(
    ring, repository, wait_until
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(ring.descriptor)], pass_fds=(ring.descriptor,), cwd=repository
    )
    try:
        wait_until(lambda: ring.newest() is not None, 30.0)
        whole, last = 0, 0
        for _ in range(2000):
            sample = ring.newest()
            if sample is None:
                continue
            whole += 1
            assert np.all(sample.image == sample.number % 251)
            assert np.all(sample.depth == sample.number % 65536)
            assert (sample.taken_seconds, sample.number >= last) == (float(sample.number), True)
            last = sample.number
        assert whole > 0
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait(10.0)
    sample = ring.newest()  # a writer that was killed leaves the memory readable
    assert sample is None or np.all(sample.image == sample.number % 251)


def test_nothing_is_left_behind_in_shared_memory(ring) -> None:
    ring.write(flat(1), taken_seconds=1.0)
    names = [path.name for path in Path("/dev/shm").iterdir()] if Path("/dev/shm").is_dir() else []
    assert not [name for name in names if "camera" in name]
