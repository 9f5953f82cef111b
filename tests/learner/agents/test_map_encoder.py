"""Cached maps equal those that the update would have made of the frames, shift for shift."""

from functools import partial

import jax
import numpy as np
import pytest

from learner.agents.map_encoder import MapEncoder
from learner.agents.sight import Sight
from learner.replay.layout import BatchLayout
from shared.policy.parameters import unflatten
from tests.learner.agents.pictures import FRONT, FROZEN, WRIST, random_batch, random_trunk, world

PAD = 4
INTERFACE = world()
CAMERAS = (FRONT, WRIST)


@pytest.fixture(scope="module")
def encode() -> MapEncoder:
    return MapEncoder(FROZEN, random_trunk(), PAD)


def test_maps_and_features_equal_those_of_the_update_for_the_same_offsets(encode: MapEncoder) -> None:
    batch = random_batch(BatchLayout(interface=INTERFACE), 1, 8)
    observation = {name: array[0] for name, array in batch.observation.items()}
    key, sight = jax.random.key(5), Sight(FROZEN, INTERFACE, PAD)
    seen = jax.jit(partial(sight.look, unflatten(random_trunk().params)))(observation, key)
    cached = dict(observation)
    for camera, camera_key in zip(CAMERAS, jax.random.split(key, 2), strict=True):
        offsets = np.asarray(jax.random.randint(camera_key, (8, 2), 0, 2 * PAD + 1))
        maps, elsewhere = (encode(observation[camera][:, 0], at) for at in (offsets, 2 * PAD - offsets))
        assert maps.dtype == np.float16
        np.testing.assert_allclose(maps, seen[camera][:, 0], rtol=2e-3, atol=1e-3)
        assert not np.allclose(elsewhere, seen[camera][:, 0], rtol=2e-3, atol=1e-3)
        cached[camera] = maps[:, None]
    params, vector = jax.jit(sight.init)(jax.random.key(0)), jax.jit(sight.vector)
    np.testing.assert_allclose(vector(params, cached), vector(params, seen), atol=5e-3)


def test_a_map_depends_on_its_own_frame_alone_and_costs_one_trace(encode: MapEncoder) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (8, 16, 16, 3), np.uint8)
    offsets = rng.integers(0, 2 * PAD + 1, (8, 2)).astype(np.int32)
    maps, others = encode(frames, offsets), encode(np.roll(frames, 3, 0), np.roll(offsets, 3, 0))
    np.testing.assert_array_equal(np.roll(maps, 3, 0), others)
    assert encode.traces == 1
