"""What networks see of a batch's images: shifted frames, a frozen trunk's maps, or cached maps."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.sight import Sight
from learner.replay.layout import BatchLayout
from shared.policy.encoder import ImageEncoder
from shared.policy.parameters import unflatten
from tests.learner.agents.pictures import FRONT, FROZEN, TRAINED, WRIST, random_batch, random_trunk, world

INTERFACE = world()
MAPS = {FRONT: (16, 8, 8), WRIST: (16, 8, 8)}


def rows(layout: BatchLayout) -> dict[str, np.ndarray]:
    return {name: array[0] for name, array in random_batch(layout, 1, 3).observation.items()}


def test_states_alone_are_not_looked_at() -> None:
    interface = world(cameras=())
    sight = Sight(None, interface, 4)
    observation = rows(BatchLayout(interface=interface))
    assert sight.look(None, observation, jax.random.key(0)) is observation
    assert sight.vector({}, observation) is None
    assert sight.blank(3) is None
    assert sight.init(jax.random.key(0)) == {}
    assert sight.cameras == ()


def test_cached_maps_pass_untouched_whatever_the_key() -> None:
    layout = BatchLayout(interface=INTERFACE, frame_stack=2, map_shapes=MAPS)
    observation = rows(layout)
    seen = Sight(replace(FROZEN, frame_stack=2), INTERFACE, 4).look(None, observation, jax.random.key(0))
    assert seen is observation


def test_trained_trunks_get_shifted_frames_and_state_stays() -> None:
    interface = world(size=32)
    observation = rows(BatchLayout(interface=interface))
    seen = Sight(TRAINED, interface, 4).look(None, observation, jax.random.key(0))
    assert seen["position"] is observation["position"]
    assert seen[FRONT].dtype == jnp.uint8
    assert seen[FRONT].shape == observation[FRONT].shape
    assert not np.array_equal(seen[FRONT], observation[FRONT])


@pytest.fixture(scope="module")
def frozen() -> dict:
    return unflatten(random_trunk().params)


def test_a_frozen_trunk_makes_maps_of_every_frame_of_the_stack(frozen: dict) -> None:
    vision = replace(FROZEN, frame_stack=2)
    observation = rows(BatchLayout(interface=INTERFACE, frame_stack=2))
    seen = Sight(vision, INTERFACE, 0).look(frozen, observation, jax.random.key(0))
    encoder = ImageEncoder(vision, INTERFACE)
    for camera in (FRONT, WRIST):
        assert seen[camera].shape == (3, 2, 16, 8, 8)
        alone = encoder.maps({}, dict.fromkeys((FRONT, WRIST), observation[camera][2, 1]), frozen)
        np.testing.assert_allclose(seen[camera][2, 1], alone[camera], atol=1e-5)


def test_a_frozen_trunk_is_needed_to_look_at_frames() -> None:
    observation = rows(BatchLayout(interface=INTERFACE))
    with pytest.raises(ValueError, match="weights of efficientnet_lite0_frozen are needed"):
        Sight(FROZEN, INTERFACE, 4).look(None, observation, jax.random.key(0))


def test_only_heads_of_a_frozen_trunk_are_parameters_and_both_of_a_trained_one() -> None:
    assert set(jax.jit(Sight(FROZEN, INTERFACE, 4).init)(jax.random.key(0))["encoder"]) == {"heads"}
    trained = jax.jit(Sight(TRAINED, world(size=32), 4).init)(jax.random.key(0))["encoder"]
    assert set(trained) == {"heads", "trunks"}
    front, wrist = (
        trained["trunks"][camera]["Conv_0"]["kernel"] for camera in ("front.image", "wrist.image")
    )
    assert not np.array_equal(front, wrist)
