"""What is written as a video can be played again."""

import cv2
import numpy as np
import pytest

from actor.video import VideoWriter
from shared.errors import ConfigError


@pytest.mark.parametrize(
    ("shape", "expected"), [((60, 80), (120, 160)), ((100, 50), (160, 80)), ((33, 33), (160, 160))]
)
def test_frames_come_back_scaled_to_even_sides(tmp_path, shape, expected) -> None:
    path = tmp_path / "deep" / "policy.webm"
    with VideoWriter(path, frames_per_second=10, size=160) as video:
        for level in (40, 120, 200):
            video.write(np.full((*shape, 3), (level, 0, 0), np.uint8))
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    capture.release()
    assert [frame.shape[:2] for frame in frames] == [expected] * 3
    reds = [float(frame[..., 2].mean()) for frame in frames]  # OpenCV reads BGR
    assert reds == pytest.approx([40, 120, 200], abs=15)


def test_pictures_stand_beside_the_frame_one_above_the_other(tmp_path) -> None:
    path = tmp_path / "policy.webm"
    red, green = (np.full((64, 64, 3), colour, np.uint8) for colour in ((220, 0, 0), (0, 160, 0)))
    with VideoWriter(path, frames_per_second=10, size=160) as video:
        for _ in range(3):
            video.write(np.full((60, 80, 3), 90, np.uint8), "episode 1", [red, green[:, :32]])
    capture = cv2.VideoCapture(str(path))
    _, frame = capture.read()
    capture.release()
    assert frame.shape == (120, 160 + 60, 3)
    image = frame[..., ::-1].astype(int)
    assert image[30, 80] == pytest.approx([90] * 3, abs=15)
    assert image[30, 190] == pytest.approx([220, 0, 0], abs=25)
    assert image[90, 175] == pytest.approx([0, 160, 0], abs=25)
    assert image[90, 205] == pytest.approx([0, 0, 0], abs=25)


def test_another_container_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="webm"):
        VideoWriter(tmp_path / "policy.mp4", frames_per_second=10)


def test_a_place_that_cannot_be_written_is_named(tmp_path) -> None:
    (tmp_path / "policy.webm").mkdir()
    with (
        VideoWriter(tmp_path / "policy.webm", frames_per_second=10) as video,
        pytest.raises(ConfigError, match="cannot be written"),
    ):
        video.write(np.zeros((32, 32, 3), np.uint8))
