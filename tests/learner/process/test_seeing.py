"""What a learner prepares for images: what batches hold, where maps come from, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from learner.agents.augmentation import AugmentationConfig
from learner.agents.config import SACConfig
from learner.agents.map_encoder import MapEncoder
from learner.replay.budget import ReplayConfig
from learner.replay.maps import PAD, MapCache
from learner.seeing import Seeing, see
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, ObservationEntry
from shared.policy.encoder import ImageEncoder
from shared.policy.vision import VisionConfig

FROZEN = VisionConfig(trunk_stages=1, frame_stack=2)
CACHING, NOT_CACHING = ReplayConfig(), ReplayConfig(cached_shifts=0)


@pytest.fixture(scope="module")
def seeing(interface: InterfaceSpec) -> InterfaceSpec:
    picture = ObservationEntry(name="front/image", shape=(16, 24, 3), dtype="uint8")
    return replace(interface, observations=(*interface.observations, picture))


def prepare(
    interface: InterfaceSpec,
    vision: VisionConfig = FROZEN,
    replay: ReplayConfig = CACHING,
    weights: str | None = "random",
    **augmentation: int,
) -> Seeing:
    agent = SACConfig(vision=vision, augmentation=AugmentationConfig(**augmentation))
    return see(agent, replay, interface, weights, seed=7)


def test_a_frozen_trunk_is_cached_unless_told_not_to(seeing: InterfaceSpec) -> None:
    prepared = prepare(seeing)
    assert prepared.layout.entries["front/image"] == ((2, 16, 8, 12), "float16")
    assert prepared.maps is not None
    assert (prepared.maps.shifts, prepared.maps.seed) == (CACHING.cached_shifts, 7)
    maps = prepared.maps.encode(np.zeros((3, 16, 24, 3), np.uint8), np.full((3, 2), PAD, np.int32))
    assert (maps.shape, maps.dtype) == ((3, 16, 8, 12), np.float16)
    raw = prepare(seeing, replay=NOT_CACHING, pad=2, target_shifts=2, value_shifts=2)
    assert raw.layout.entries["front/image"] == ((2, 16, 24, 3), "uint8")
    assert raw.maps is None
    assert raw.trunk is not None
    assert prepared.trunk is not None
    assert raw.trunk.digest == prepared.trunk.digest


def test_the_trunk_is_compiled_before_the_first_map_is_wanted(seeing: InterfaceSpec) -> None:
    prepared = prepare(seeing)
    assert prepared.maps is not None
    prepared.maps.compile(prepared.layout)
    encoder = prepared.maps.encode
    assert isinstance(encoder, MapEncoder)
    assert encoder.traces == 1
    store = MapCache(prepared.layout, 3, prepared.maps)
    frames, rows = np.zeros((3, 16, 24, 3), np.uint8), np.arange(3)
    store.fill("front/image", frames, rows, rows * prepared.maps.shifts)
    assert encoder.traces == 1


def test_trained_trunks_and_states_alone_have_neither_weights_nor_maps(
    seeing: InterfaceSpec, interface: InterfaceSpec
) -> None:
    trained = prepare(seeing, VisionConfig(trunk="small"), weights=None, pad=1)
    assert (trained.trunk, trained.maps) == (None, None)
    assert trained.layout.entries["front/image"] == ((1, 16, 24, 3), "uint8")
    states = prepare(interface, weights=None, pad=1)
    assert (states.trunk, states.maps) == (None, None)
    assert list(states.layout.entries) == ["position"]


@pytest.mark.parametrize("wrong", [{"pad": 3}, {"target_shifts": 2}, {"value_shifts": 2}])
def test_augmentation_that_cached_maps_cannot_follow_is_refused(
    seeing: InterfaceSpec, wrong: dict[str, int]
) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=rf"(?s)cached maps.*{name} (is )?{value}.*cached_shifts to 0"):
        prepare(seeing, **wrong)


def test_weights_where_there_are_no_pictures_are_refused(interface: InterfaceSpec) -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)nothing that the actor sends is a picture.*leave trunk_weights"
    ):
        prepare(interface, weights="random")


def test_weights_for_a_trunk_that_is_trained_are_refused(seeing: InterfaceSpec) -> None:
    with pytest.raises(ConfigError, match=r"(?s)small is trained.*leave trunk_weights out"):
        prepare(seeing, VisionConfig(trunk="small"))


def test_frames_too_small_for_the_trunk_are_refused(seeing: InterfaceSpec) -> None:
    encoder = ImageEncoder(VisionConfig(trunk="small"), seeing)
    with pytest.raises(ConfigError, match=r"(?s)16x24 is too small for the trunk small.*at least 31"):
        encoder.map_shape("front/image")
