"""From a VisionConfig to its trunk: the module, the shape of its maps, the shapes of its parameters."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from shared.errors import ConfigError
from shared.policy.trunks import resnet10
from shared.policy.trunks.efficientnet_lite0 import EfficientNetLite0
from shared.policy.trunks.resnet10 import ResNet10
from shared.policy.trunks.small import SmallTrunk
from shared.policy.vision import STAGE, VisionConfig

Shape = tuple[int, ...]


def build_trunk(config: VisionConfig) -> nn.Module:
    """The module from frames (N, H, W, 3) uint8 RGB to maps (N, h, w, c) float32, normalisation included.

    Its variables are {"params": ...} alone: no statistics that drift, no random numbers.
    """
    if config.trunk == "small":
        return SmallTrunk()
    if config.trunk == "efficientnet_lite0_frozen":
        return EfficientNetLite0(config.trunk_stages)
    return ResNet10()


def look(trunk: nn.Module, weights: Mapping[str, Any], frames: jax.Array) -> jax.Array:
    """Maps (N, c, h, w) float32 of frames (N, H, W, 3) uint8 RGB.

    Channels come first because heads take the maps channel by channel: to gather a channel's places from maps
    that have it last takes an update as long as a quarter of its products of matrices.
    """
    return jnp.moveaxis(cast(jax.Array, trunk.apply({"params": weights}, frames)), -1, -3)


def trunk_stages(config: VisionConfig) -> int:
    """Stages of the trunk that `config` builds; only an EfficientNet can be cut."""
    return config.trunk_stages if config.trunk == "efficientnet_lite0_frozen" else resnet10.STAGES


def map_shape(config: VisionConfig, height: int, width: int) -> tuple[int, int, int]:
    """(c, h, w) of the map of a frame.

    Raises:
        ConfigError: the frame is too small for the trunk.
    """
    maps, _ = _outline(config, height, width)
    _, rows, columns, channels = maps.shape
    if min(rows, columns) < 1:
        raise ConfigError(
            STAGE,
            f"a frame of {height}x{width} is too small for the trunk {config.trunk}",
            "choose an image size of at least 31, or another trunk",
        )
    return channels, rows, columns


def parameter_shapes(config: VisionConfig) -> dict[str, Shape]:
    """Shapes of the trunk's parameters (all float32) by path, sorted by name."""
    _, variables = _outline(config, 128, 128)
    leaves = jax.tree_util.tree_leaves_with_path(variables["params"])
    shapes = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}
    return dict(sorted(shapes.items()))


def _outline(config: VisionConfig, height: int, width: int) -> tuple[Any, Any]:
    frames = jax.ShapeDtypeStruct((1, height, width, 3), jnp.uint8)
    return jax.eval_shape(build_trunk(config).init_with_output, jax.random.key(0), frames)
