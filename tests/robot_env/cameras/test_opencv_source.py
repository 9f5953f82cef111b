"""OpenCV on a file, and on a stream that a small server of this test sends."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_env.cameras.opencv import OpenCvCameraConfig
from robot_env.cameras.sources.base import SourceFault
from robot_env.cameras.sources.opencv import OpenCvSource
from robot_env.cameras.sources.software import moving_pattern, number_shown
from shared.errors import RobotFault

SIZE = {"height": 48, "width": 64, "fps": 200}


def test_a_file_is_played_bit_exact_at_its_rate_again_and_again(video: Path) -> None:
    source = OpenCvSource(str(video), **SIZE, loop=True)
    source.open()
    frames = [source.read(1.0) for _ in range(25)]
    assert [number_shown(frame.image) for frame in frames if frame] == [index % 10 + 1 for index in range(25)]
    assert np.array_equal(frames[3].image, moving_pattern(4, 48, 64))
    assert [frame.number for frame in frames] == list(range(1, 26))
    source.close()
    source.close()


def test_a_file_is_not_played_faster_than_asked(video: Path) -> None:
    source = OpenCvSource(str(video), height=48, width=64, fps=20, loop=True)
    source.open()
    began = time.monotonic()
    for _ in range(5):
        assert source.read(1.0) is not None
    assert time.monotonic() - began > 3 / 20
    source.close()


def test_the_end_of_a_file_that_does_not_loop_is_a_fault(video: Path) -> None:
    source = OpenCvSource(str(video), **SIZE, loop=False)
    source.open()
    for _ in range(10):
        assert source.read(1.0) is not None
    with pytest.raises(SourceFault, match="it is over"):
        source.read(1.0)
    source.restart()
    assert source.read(1.0) is not None
    source.close()


@pytest.mark.parametrize(("what", "cause"), [("/nowhere/x.mp4", "no file"), ("/dev/video97", "v4l2-ctl")])
def test_what_is_not_there_is_told_with_a_cure(what: str, cause: str) -> None:
    with pytest.raises(SourceFault, match=f"{cause}.*"):
        OpenCvSource(what, **SIZE, loop=True).open()


class Mjpeg(BaseHTTPRequestHandler):
    """Pictures, one after the other, as webcams send them, until the server stalls."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        while not self.server.over.is_set():
            if not self.server.stalled.is_set():
                number += 1
                image = np.full((48, 64, 3), (number * 8) % 256, np.uint8)
                body = cv2.imencode(".jpg", image)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + body + b"\r\n")
                except OSError:
                    return
            self.server.over.wait(0.02)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stream() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mjpeg)
    server.over, server.stalled = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stream_stalls_and_comes_back(stream, opened, wait_until) -> None:
    url = f"http://127.0.0.1:{stream.server_address[1]}/stream.mjpg"
    camera = opened(OpenCvCameraConfig(device=url, height=48, width=64))
    wait_until(lambda: delivers(camera, beyond=5), 30.0, "new frames")
    stream.stalled.set()
    with pytest.raises(RobotFault, match="camera 'opencv'"):
        wait_until(lambda: camera.read() and False, 30.0)
    before = camera.health().frames
    stream.stalled.clear()
    wait_until(lambda: delivers(camera, beyond=before), 30.0, "frames again")


def delivers(camera, beyond: int) -> bool:
    try:
        return camera.read().number > beyond
    except RobotFault:
        return False
