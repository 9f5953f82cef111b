"""Actors with slow networks: what they compress is raw again in the learner, once and in order."""

import sys
from typing import Any

import cv2
import numpy as np
import pytest

from actor.image_wire import compressor, encode_jpeg
from actor.parcel import parcel_of
from actor.uplink_config import UplinkConfig
from learner.image_wire import decode_jpeg
from shared.codec import pack_headers
from shared.errors import ConfigError, ProtocolError
from shared.protocol import Malformed, Records

SHAPE = (32, 32, 3)


def scene() -> np.ndarray:
    """A picture with an edge in red alone, which chroma subsampling would smear."""
    rows, columns = np.mgrid[0:32, 0:32]
    red = np.where(columns % 2, 220, 40)
    return np.stack([red, 4 * rows + 60, 3 * columns + 60], axis=-1).astype(np.uint8)


def message(actor: Any, count: int, config: UplinkConfig) -> tuple[Records, list[Any]]:
    compress = compressor(config)
    records = [
        actor.step(n, observation={"state": np.full(3, n, np.float32), "camera": scene()})
        for n in range(count)
    ]
    parcels = [compress(parcel_of(record)) for record in records]
    packed = pack_headers("a", [parcel.header for parcel in parcels])
    return packed, [buffer for parcel in parcels for buffer in parcel.buffers]


@pytest.mark.parametrize(("compression", "tolerance"), [("none", 0), ("lossless", 0), ("jpeg", 6)])
def test_frames_arrive_raw_whatever_crossed_the_wire(learner: Any, compression: Any, tolerance: int) -> None:
    ingest = learner.start()
    actor = learner.actor(ingest)
    actor.join()
    sent, buffers = message(actor, 3, UplinkConfig(image_compression=compression))
    assert (sum(map(len, buffers)) < 3 * 32 * 32 * 3) is (compression != "none")
    for _ in range(2):  # the second time is a replay
        actor.send(sent, buffers)
    actor.wait_for_ack(3, 0)
    arrived = [ingest.arrivals.get(timeout=5)[1].step.observation["camera"] for _ in range(3)]
    for frame in arrived:
        assert (frame.dtype, frame.shape) == (np.uint8, SHAPE)
        assert np.abs(frame.astype(int) - scene()).mean() <= tolerance
    assert learner.log.records[0].step.observation["camera"] is arrived[0]


def test_an_image_that_is_damaged_is_told_and_the_connection_stays(learner: Any) -> None:
    actor = learner.actor(learner.start())
    actor.join()
    sent, buffers = message(actor, 1, UplinkConfig(image_compression="jpeg"))
    actor.send(sent, [b"no image"])
    assert "JPEG image" in actor.wait_for(Malformed).cause
    actor.send(sent, buffers)
    actor.wait_for_ack(1, 0)


class TestJpeg:
    def test_colours_and_fine_edges_stay(self) -> None:
        found = decode_jpeg(encode_jpeg(scene(), 95), SHAPE)
        assert np.abs(found.astype(int) - scene()).max() <= 25
        subsampled = cv2.imencode(".jpg", scene()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        worse = np.abs(decode_jpeg(subsampled, SHAPE).astype(int) - scene()).mean()
        assert np.abs(found.astype(int) - scene()).mean() < worse / 3

    @pytest.mark.parametrize("shape", [(16, 64, 3), (2, 2, 3), (65535, 65535, 3)])
    def test_an_image_of_another_size_is_refused_before_it_takes_memory(self, shape: Any) -> None:
        with pytest.raises(ProtocolError, match="is not one of"):
            decode_jpeg(encode_jpeg(scene(), 95), shape)

    @pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda" + bytes(20), b"BM" + bytes(60)])
    def test_what_is_no_jpeg_is_refused(self, data: bytes) -> None:
        with pytest.raises(ProtocolError, match="JPEG"):
            decode_jpeg(data, SHAPE)

    def test_without_opencv_it_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = encode_jpeg(scene(), 95)
        monkeypatch.setitem(sys.modules, "cv2", None)
        with pytest.raises(ProtocolError, match=r"opencv-python-headless(.|\n)*image-compression lossless"):
            decode_jpeg(data, SHAPE)


@pytest.mark.parametrize(
    "settings", [{"image_compression": "png"}, {"jpeg_quality": 0}, {"jpeg_quality": 101}]
)
def test_settings_that_make_no_sense_are_refused(settings: Any) -> None:
    with pytest.raises(ConfigError, match=r"png(.|\n)*lossless|1 to 100"):
        UplinkConfig(**settings)
