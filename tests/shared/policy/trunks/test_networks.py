"""What the trunks compute: shapes, normalisation, padding, against formulas written for reading."""

from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shared.errors import ConfigError
from shared.policy.parameters import unflatten
from shared.policy.trunks.build import build_trunk, map_shape, parameter_shapes, trunk_stages
from shared.policy.trunks.efficientnet_lite0 import Depthwise
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import TRUNKS, VisionConfig

EXPECTED_SHAPES = {
    "small": ((256, 7, 7), (256, 3, 3)),
    "resnet10": ((512, 4, 4), (512, 2, 2)),
    "resnet10_frozen": ((512, 4, 4), (512, 2, 2)),
    "efficientnet_lite0_frozen": ((40, 16, 16), (40, 8, 8)),
}


@pytest.mark.parametrize("trunk", TRUNKS)
def test_map_shapes(trunk: str) -> None:
    config = VisionConfig(trunk=trunk)
    assert (map_shape(config, 128, 128), map_shape(config, 64, 64)) == EXPECTED_SHAPES[trunk]


def test_stages_of_an_efficientnet() -> None:
    shapes = [map_shape(VisionConfig(trunk_stages=stages), 128, 96) for stages in range(1, 8)]
    assert shapes == [
        (16, 64, 48),
        (24, 32, 24),
        (40, 16, 12),
        (80, 8, 6),
        (112, 8, 6),
        (192, 4, 3),
        (320, 4, 3),
    ]
    assert trunk_stages(VisionConfig(trunk_stages=5)) == 5
    assert trunk_stages(VisionConfig(trunk="resnet10_frozen", trunk_stages=5)) == 4


def test_sizes_are_the_published_ones() -> None:
    assert sum(map(prod, parameter_shapes(VisionConfig(trunk="resnet10")).values())) == 4_905_792
    small = parameter_shapes(VisionConfig(trunk="small"))
    assert sorted(shape for name, shape in small.items() if "kernel" in name) == [
        (3, 3, 3, 32),
        (3, 3, 32, 64),
        (3, 3, 64, 128),
        (3, 3, 128, 256),
    ]


@pytest.mark.parametrize("trunk", TRUNKS)
def test_parameters_are_all_there_is(trunk: str) -> None:
    frames = jax.ShapeDtypeStruct((2, 40, 33, 3), jnp.uint8)
    network = build_trunk(VisionConfig(trunk=trunk))
    maps, variables = jax.eval_shape(network.init_with_output, jax.random.key(0), frames)
    assert set(variables) == {"params"}
    assert maps.dtype == jnp.float32


def test_a_frame_too_small_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"(?s)vision: a frame of 16x30 is too small .* small.*at least 31"):
        map_shape(VisionConfig(trunk="small"), 16, 30)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(2, 5), (8, 7)])
def test_shifted_products_are_a_grouped_convolution(size: int, stride: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, *shape, 4)).astype(np.float32)
    kernel, bias = rng.normal(size=(size, size, 4)), rng.normal(size=4)
    params = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    ours = Depthwise(size, stride).apply({"params": params}, x)
    theirs = jax.lax.conv_general_dilated(
        x,
        params["kernel"][:, :, None],
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=4,
    )
    np.testing.assert_allclose(ours, theirs + params["bias"], rtol=1e-4, atol=1e-4)


def test_small_against_a_reference_in_numpy() -> None:
    config, rng = VisionConfig(trunk="small"), np.random.default_rng(3)
    params = {n: rng.normal(0, 0.1, shape) for n, shape in parameter_shapes(config).items()}
    frame = rng.integers(0, 256, (48, 40, 3), np.uint8)
    np.testing.assert_allclose(apply(config, params, frame), small(params, frame), rtol=1e-3, atol=1e-3)


def test_resnet10_against_a_reference_in_numpy() -> None:
    config, rng = VisionConfig(trunk="resnet10_frozen"), np.random.default_rng(2)
    params = {n: a.astype(np.float64) for n, a in load_trunk(config, "random").params.items()}
    for name in params:
        if name.endswith(("scale", "bias")):
            params[name] = rng.uniform(0.5, 1.5, params[name].shape)
    frame = rng.integers(0, 256, (32, 40, 3), np.uint8)
    np.testing.assert_allclose(apply(config, params, frame), resnet10(params, frame), rtol=1e-3, atol=1e-3)


def apply(config: VisionConfig, params: dict[str, np.ndarray], frame: np.ndarray) -> jax.Array:
    variables = {"params": unflatten({name: array.astype(np.float32) for name, array in params.items()})}
    return jax.jit(build_trunk(config).apply)(variables, frame[None])[0]


def small(params: dict[str, np.ndarray], frame: np.ndarray) -> np.ndarray:
    x = frame / 255
    for i in range(4):
        x = np.maximum(convolve(x, params[f"Conv_{i}/kernel"], 2) + params[f"Conv_{i}/bias"], 0)
    return x


def resnet10(params: dict[str, np.ndarray], frame: np.ndarray) -> np.ndarray:
    x = (frame / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    x = convolve(np.pad(x, ((3, 3), (3, 3), (0, 0))), params["conv_init/kernel"], 2)
    x = np.maximum(normalise(x, params, "norm_init"), 0)
    x = np.pad(x, ((0, 1), (0, 1), (0, 0)), constant_values=-np.inf)
    x = max_pool(x)
    for i in range(4):
        block, stride = f"ResNetBlock_{i}", 1 if i == 0 else 2
        y = convolve(same(x, 3, stride), params[f"{block}/Conv_0/kernel"], stride)
        y = np.maximum(normalise(y, params, f"{block}/MyGroupNorm_0"), 0)
        y = convolve(same(y, 3, 1), params[f"{block}/Conv_1/kernel"], 1)
        y = normalise(y, params, f"{block}/MyGroupNorm_1")
        if i > 0:
            x = convolve(x, params[f"{block}/conv_proj/kernel"], stride)
            x = normalise(x, params, f"{block}/norm_proj")
        x = np.maximum(x + y, 0)
    return x


def same(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """TensorFlow's padding: what is odd goes behind."""
    missing = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[:2]]
    return np.pad(x, [(m // 2, m - m // 2) for m in missing] + [(0, 0)])


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (0, 1))[::stride, ::stride]
    return np.einsum("hwcij,ijco->hwo", windows, kernel, optimize=True)


def max_pool(x: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (0, 1))[::2, ::2].max((-1, -2))


def normalise(x: np.ndarray, params: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Over height, width and the channels of each of four groups."""
    groups = x.reshape(*x.shape[:2], 4, -1)
    mean, variance = groups.mean((0, 1, 3), keepdims=True), groups.var((0, 1, 3), keepdims=True)
    normal = ((groups - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    return normal * params[f"{name}/scale"] + params[f"{name}/bias"]
