from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.arms.point import PointWorld
from robot_env.cameras.base import Frame, Intrinsics
from robot_env.cameras.crop import CroppedCameraConfig
from robot_env.cameras.pattern import PatternCameraConfig
from robot_env.registry import make
from robot_env.scene import World
from shared.clock import Clock, ManualClock
from shared.errors import ConfigError, ObservationError
from shared.interface import CropProfile, ObservationEntry

RAW = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)

PINHOLE = Intrinsics(fx=20.0, fy=20.0, cx=7.5, cy=5.5)
ENTRY = ObservationEntry(name="front/image", shape=(12, 16, 3), dtype="uint8")


@dataclass(frozen=True)
class Still:
    """A camera, and its own settings, that always sees one picture."""

    image: np.ndarray
    crop: CropProfile | None = None
    intrinsics: Intrinsics | None = PINHOLE
    entry: ObservationEntry = ENTRY

    def build(self, world: World, clock: Clock) -> "Still":
        return self

    def read(self) -> Frame:
        return Frame(image=self.image, time_seconds=1.0, number=4)

    def close(self) -> None:
        """Nothing is held."""


def crop(camera: Still | PatternCameraConfig, **settings: int):
    return CroppedCameraConfig(camera=camera, **settings).build(PointWorld(()), ManualClock())


@given(st.data())
def test_a_box_at_its_own_size_is_the_pixels_themselves(data: st.DataObject) -> None:
    top, left = data.draw(st.integers(0, 11)), data.draw(st.integers(0, 15))
    height, width = data.draw(st.integers(1, 12 - top)), data.draw(st.integers(1, 16 - left))
    camera = crop(
        Still(RAW), top=top, left=left, crop_height=height, crop_width=width, height=height, width=width
    )
    frame = camera.read()
    assert np.array_equal(frame.image, RAW[top : top + height, left : left + width])
    assert (frame.time_seconds, frame.number) == (1.0, 4)
    assert camera.entry.shape == frame.image.shape
    assert not np.shares_memory(frame.image, RAW)


def test_smaller_is_the_mean_of_what_a_pixel_covers() -> None:
    camera = crop(Still(RAW), top=2, left=4, crop_height=8, crop_width=12, height=4, width=4)
    means = RAW[2:10, 4:16].astype(float).reshape(4, 2, 4, 3, 3).mean(axis=(1, 3))
    assert np.abs(camera.read().image - means).max() <= 0.51


def test_a_point_is_seen_where_the_cropped_pinhole_says() -> None:
    picture = np.zeros((12, 16, 3), np.uint8)
    picture[4:6, 8:10] = 255
    camera = crop(Still(picture), top=2, left=4, crop_height=8, crop_width=12, height=4, width=6)
    rows, columns = np.nonzero(camera.read().image[..., 0])
    x, y, z = (8.5 - 7.5) / 20.0, (4.5 - 5.5) / 20.0, 1.0
    pinhole = camera.intrinsics
    assert pinhole is not None
    assert pinhole.fx * x / z + pinhole.cx == pytest.approx(columns.mean())
    assert pinhole.fy * y / z + pinhole.cy == pytest.approx(rows.mean())
    assert crop(PatternCameraConfig(), crop_height=8, crop_width=8).intrinsics is None


@pytest.mark.parametrize(
    "box",
    [
        {"top": 5, "crop_height": 8, "crop_width": 8},
        {"left": 9, "crop_height": 8, "crop_width": 8},
        {"top": -1, "crop_height": 8, "crop_width": 8},
        {"left": -1, "crop_height": 8, "crop_width": 8},
        {"crop_height": 13, "crop_width": 8},
    ],
)
def test_a_box_outside_the_frame_is_refused_with_its_size(box: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="front/image") as refusal:
        crop(Still(RAW), **box)
    assert "12 rows and 16 columns" in refusal.value.cure


@pytest.mark.parametrize("size", ["crop_height", "crop_width", "height", "width", "version"])
def test_a_box_of_no_pixels_is_refused(size: str) -> None:
    with pytest.raises(ConfigError, match="crop"):
        CroppedCameraConfig(camera=Still(RAW), **{"crop_height": 4, "crop_width": 4, size: 0})


def test_a_raw_frame_of_another_size_is_refused_before_it_is_cropped() -> None:
    camera = crop(Still(RAW[:, ::-1][:10]), crop_height=8, crop_width=8, height=8, width=8)
    with pytest.raises(ObservationError, match=r"\[10, 16, 3\], not uint8\[12, 16, 3\]"):
        camera.read()


def test_a_crop_is_not_cropped_again() -> None:
    profile = CropProfile(entry="front/image", version=1, top=0, left=0, height=4, width=4)
    with pytest.raises(ConfigError, match="cropped already"):
        crop(Still(RAW, crop=profile), crop_height=4, crop_width=4)


def test_the_interface_knows_the_crop_and_so_does_its_fingerprint() -> None:
    def fingerprint(**settings: int) -> str:
        camera = CroppedCameraConfig(camera=PatternCameraConfig(), crop_height=32, crop_width=32, **settings)
        env = make("reach", clock=ManualClock(), arm="point", cameras=(camera,))
        (profile,) = env.interface.crop_profiles
        assert (profile.entry, profile.height) == ("pattern/image", 32)
        assert env.reset(seed=0)[0]["pattern/image"].shape == (64, 64, 3)
        env.close()
        return env.interface.fingerprint

    assert len({fingerprint(), fingerprint(top=1), fingerprint(version=2)}) == 3
    assert fingerprint() == fingerprint()
