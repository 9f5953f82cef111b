"""From the maps of the newest frames to a vector, against formulas written for reading."""

from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.encoder import CameraHead, ImageEncoder
from shared.policy.parameters import unflatten
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import POOLINGS, VisionConfig

T, HEIGHT, WIDTH, CHANNELS = 2, 3, 4, 5
FEATURES = VisionConfig(embeddings=3, bottleneck=7, frame_stack=T)
FROZEN = VisionConfig(trunk="efficientnet_lite0_frozen", trunk_stages=1, embeddings=2, bottleneck=6)
CAMERAS = ("front/image", "wrist/image")


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile() -> Iterator[None]:
    """These networks are tiny: compiling them well would take longer than running them."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def world(*sizes: tuple[int, int]) -> InterfaceSpec:
    return InterfaceSpec(
        name="seen",
        observations=(
            ObservationEntry(name="position", shape=(2,), dtype="float32"),
            *(
                ObservationEntry(name=name, shape=(*size, 3), dtype="uint8")
                for name, size in zip(CAMERAS, sizes, strict=True)
            ),
        ),
        actions=(ActionEntry(name="motion", low=(-1.0,) * 2, high=(1.0,) * 2, unit="m"),),
        control_hz=10.0,
    )


def some_maps(*leading: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*leading, T, CHANNELS, HEIGHT, WIDTH)).astype(np.float32)


def head(pooling: str, maps: np.ndarray) -> tuple[CameraHead, dict]:
    """With other than the initial parameters, so that each of them shows."""
    module = CameraHead(replace(FEATURES, pooling=pooling))
    params = jax.jit(module.init)(jax.random.key(0), maps)["params"]
    rng = np.random.default_rng(1)
    return module, jax.tree.map(lambda x: x + rng.normal(size=x.shape).astype(np.float32) / 4, params)


def side_by_side(maps: np.ndarray) -> np.ndarray:
    """(N, h, w, T c): the channels of the older frame first."""
    return np.concatenate([maps[:, t].transpose(0, 2, 3, 1) for t in range(T)], axis=-1)


def bottleneck(params: dict, pooled: np.ndarray) -> np.ndarray:
    x = pooled @ params["bottleneck"]["kernel"] + params["bottleneck"]["bias"]
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return np.tanh(x * params["norm"]["scale"] + params["norm"]["bias"])


def test_average_pooling_is_each_channels_mean() -> None:
    maps = some_maps(6)
    module, params = head("average", maps)
    pooled = np.stack([side_by_side(maps)[n].reshape(-1, T * CHANNELS).mean(0) for n in range(6)])
    np.testing.assert_allclose(module.apply({"params": params}, maps), bottleneck(params, pooled), atol=1e-5)


def test_spatial_embeddings_are_sums_weighted_by_place_and_channel() -> None:
    maps = some_maps(6)
    module, params = head("spatial_embeddings", maps)
    seen, kernel = side_by_side(maps), np.asarray(params["embeddings"])
    assert kernel.shape == (T * CHANNELS, HEIGHT, WIDTH, 3)
    pooled = np.zeros((6, T * CHANNELS, 3))
    for row in range(HEIGHT):
        for column in range(WIDTH):
            pooled += seen[:, row, column, :, None] * kernel[:, row, column]
    expected = bottleneck(params, pooled.reshape(6, -1))
    np.testing.assert_allclose(module.apply({"params": params}, maps), expected, atol=1e-5)


def test_spatial_embeddings_have_the_gradient_of_their_formula() -> None:
    maps = jnp.asarray(some_maps(4))[:, :1]
    module = CameraHead(replace(FEATURES, frame_stack=1))
    params = jax.jit(module.init)(jax.random.key(0), maps)["params"]

    def plain(params: dict, maps: jax.Array) -> jax.Array:
        pooled = jnp.einsum("nchw,chwe->nce", maps[:, 0], params["embeddings"]).reshape(len(maps), -1)
        x = pooled @ params["bottleneck"]["kernel"] + params["bottleneck"]["bias"]
        x = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return jnp.tanh(x * params["norm"]["scale"] + params["norm"]["bias"])

    def gradients(function: object) -> object:
        def loss(params: dict, maps: jax.Array) -> jax.Array:
            return jnp.sum(jnp.sin(3 * function(params, maps)))

        return jax.jit(jax.grad(loss, argnums=(0, 1)))(params, maps)

    ours, expected = gradients(lambda p, m: module.apply({"params": p}, m)), gradients(plain)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), ours, expected)


def keypoints(params: dict, maps: np.ndarray) -> np.ndarray:
    """(N, 2 keypoints): each the mean place, rows then columns, under a softmax of its weighted channels."""
    x = side_by_side(maps)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    shares = np.exp(x @ params["keypoints"]["kernel"] + params["keypoints"]["bias"])
    shares /= shares.sum((1, 2), keepdims=True)
    rows, columns = np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, WIDTH)
    places = np.stack(
        [shares.sum(2).transpose(0, 2, 1) @ rows, shares.sum(1).transpose(0, 2, 1) @ columns], -1
    )
    return places.reshape(len(maps), -1)


def test_spatial_softmax_says_where_its_keypoints_are() -> None:
    maps = some_maps(6)
    module, params = head("spatial_softmax", maps)
    pooled = keypoints(params, maps)
    assert np.abs(pooled).max() < 1
    np.testing.assert_allclose(module.apply({"params": params}, maps), bottleneck(params, pooled), atol=1e-5)
    mirrored = pooled.reshape(6, -1, 2) * [1, -1]
    expected = bottleneck(params, mirrored.reshape(6, -1))
    np.testing.assert_allclose(module.apply({"params": params}, maps[..., ::-1]), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_order_of_the_stack_matters_and_leading_axes_do_not(pooling: str) -> None:
    maps = some_maps(2, 3)
    module, params = head(pooling, maps)
    apply = jax.jit(lambda maps: module.apply({"params": params}, maps))
    out = apply(maps)
    assert out.shape == (2, 3, 7)
    np.testing.assert_allclose(apply(maps.reshape(6, *maps.shape[2:])), out.reshape(6, 7), atol=1e-5)
    np.testing.assert_allclose(apply(maps[1, 2]), out[1, 2], atol=1e-5)
    assert not np.allclose(apply(maps[:, :, ::-1]), out, atol=1e-3)
    assert apply(maps.astype(np.float16)).dtype == jnp.float32
    np.testing.assert_allclose(apply(maps.astype(np.float16)), out, atol=2e-2)


def test_cameras_of_different_sizes_stand_side_by_side_in_declared_order() -> None:
    encoder = ImageEncoder(FROZEN, world((16, 24), (8, 8)))
    assert encoder.map_shape("front/image") == (16, 8, 12)
    assert encoder.map_shape("wrist/image") == (16, 4, 4)
    params = jax.jit(encoder.init)(jax.random.key(0))
    rng = np.random.default_rng(0)
    maps = {n: rng.normal(size=(5, 1, *encoder.map_shape(n))).astype(np.float32) for n in CAMERAS}
    vector = jax.jit(encoder.vector)
    out = vector(params, maps)
    other = vector(params, maps | {"wrist/image": -maps["wrist/image"]})
    assert out.shape == (5, 12)
    np.testing.assert_array_equal(out[:, :6], other[:, :6])
    assert not np.allclose(out[:, 6:], other[:, 6:])


def test_one_frozen_trunk_serves_every_camera_and_is_asked_for() -> None:
    encoder = ImageEncoder(FROZEN, world((16, 16), (16, 16)))
    frame = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    frames = dict.fromkeys(CAMERAS, frame)
    with pytest.raises(ValueError, match="weights of efficientnet_lite0_frozen"):
        encoder.maps({}, frames, None)
    trunk = unflatten(load_trunk(FROZEN, "random").params)
    maps = jax.jit(encoder.maps)({}, frames, trunk)
    np.testing.assert_array_equal(maps["front/image"], maps["wrist/image"])
    assert maps["front/image"].shape == (16, 8, 8)


def test_trained_trunks_are_the_policys_one_a_camera() -> None:
    vision = VisionConfig(trunk="small", bottleneck=6)
    encoder = ImageEncoder(vision, world((32, 32), (32, 32)))
    params = jax.jit(encoder.init)(jax.random.key(0))
    frame = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    maps = jax.jit(encoder.maps)(params, dict.fromkeys(CAMERAS, frame), None)
    assert maps["front/image"].shape == (256, 1, 1)
    assert not np.allclose(maps["front/image"], maps["wrist/image"])
    assert {name.split("/")[0] for name in params["trunks"]} == {"front.image", "wrist.image"}
