"""ImageEncoder: the newest frames of every camera as one vector: trunks, then heads."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from shared.interface import InterfaceSpec
from shared.policy.trunks.build import build_trunk, look, map_shape
from shared.policy.vision import VisionConfig, cameras

Images = Mapping[str, jax.Array]
Parameters = Mapping[str, Any]

LAYER = nn.initializers.xavier_uniform()


class CameraHead(nn.Module):
    """From the maps of one camera to a vector: pooling, Dense, LayerNorm, tanh (SERL's bottleneck)."""

    config: VisionConfig

    @nn.compact
    def __call__(self, maps: jax.Array) -> jax.Array:
        """(..., T, c, h, w), the T frames side by side as channels, to (..., bottleneck)."""
        x = self._pool(jnp.reshape(maps, (*maps.shape[:-4], -1, *maps.shape[-2:])))
        x = nn.Dense(self.config.bottleneck, kernel_init=LAYER, name="bottleneck")(x)
        return jnp.tanh(nn.LayerNorm(name="norm")(x))

    def _pool(self, x: jax.Array) -> jax.Array:
        """(..., c, h, w) to (..., features)."""
        match self.config.pooling:
            case "average":
                return jnp.mean(jnp.asarray(x, jnp.float32), axis=(-2, -1))
            case "spatial_softmax":
                return self._expected_places(x)
            case "spatial_embeddings":
                return self._weighted_sums(x)

    def _expected_places(self, x: jax.Array) -> jax.Array:
        """Where learned keypoints are expected, in [-1, 1]: (..., 2 keypoints) (Levine et al. 2016).

        Each keypoint is a weighting of the channels, a softmax over places, and the mean place under it: what
        is found where no example showed it is still told where it is.
        """
        height, width = x.shape[-2:]
        x = jnp.moveaxis(jnp.asarray(x, jnp.float32), -3, -1)
        x = nn.LayerNorm(use_bias=False, use_scale=False, name="features")(x)
        x = nn.Dense(self.config.keypoints, name="keypoints")(x)
        shares = jax.nn.softmax(jnp.reshape(x, (*x.shape[:-3], height * width, -1)), axis=-2)
        rows, columns = jnp.meshgrid(jnp.linspace(-1, 1, height), jnp.linspace(-1, 1, width), indexing="ij")
        places = jnp.stack([rows, columns], axis=-1).reshape(height * width, 2)
        expected = jnp.einsum("...pk,pd->...kd", shares, places)
        return jnp.reshape(expected, (*expected.shape[:-2], -1))

    def _weighted_sums(self, x: jax.Array) -> jax.Array:
        """Each channel summed over all places with learned weights: (..., c * embeddings), as in SERL."""
        kernel_init = nn.initializers.lecun_normal(in_axis=(1, 2), batch_axis=(0,))
        kernel = self.param("embeddings", kernel_init, (*x.shape[-3:], self.config.embeddings))
        channels, places = x.shape[-3], x.shape[-2] * x.shape[-1]
        by_channel = jnp.moveaxis(jnp.reshape(x, (-1, channels, places)), 1, 0)
        # Without the barrier XLA moves the maps anew for each product: updates take up to 1.7 times as long.
        by_channel = jnp.asarray(jax.lax.optimization_barrier(by_channel), jnp.float32)
        sums = jax.lax.batch_matmul(by_channel, jnp.reshape(kernel, (channels, places, -1)))
        return jnp.reshape(jnp.moveaxis(sums, 0, 1), (*x.shape[:-3], -1))


class ImageEncoder:
    """Settings and functions over parameters; no array lives here.

    Parameters are {"heads": {camera: ...}} and, where trunks are trained, {"trunks": {camera: ...}}. A frozen
    trunk is one for all cameras, and is given to `maps` apart.

    Attributes:
        vision, cameras: the settings, and the image entries that it sees.
    """

    def __init__(self, vision: VisionConfig, interface: InterfaceSpec) -> None:
        self.vision = vision
        self.cameras = cameras(interface)
        self._shapes = {e.name: e.shape for e in interface.observations if e.is_image}
        self._trunk = build_trunk(vision)
        self._head = CameraHead(vision)

    def map_shape(self, camera: str) -> tuple[int, int, int]:
        """(c, h, w) of the feature map of one frame."""
        height, width, _ = self._shapes[camera]
        return map_shape(self.vision, height, width)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """New heads, and new trunks where they are trained."""
        keys = dict(zip(self.cameras, jax.random.split(key, len(self.cameras)), strict=True))
        stack = self.vision.frame_stack
        heads = {
            name: self._head.init(keys[name], jnp.zeros((1, stack, *self.map_shape(name))))["params"]
            for name in self.cameras
        }
        if self.vision.frozen:
            return {"heads": _named(heads)}
        trunks = {
            name: self._trunk.init(jax.random.fold_in(keys[name], 1), jnp.zeros((1, *shape), jnp.uint8))
            for name, shape in self._shapes.items()
        }
        return {"heads": _named(heads), "trunks": _named({n: t["params"] for n, t in trunks.items()})}

    def maps(self, params: Parameters, frames: Images, frozen: Parameters | None) -> dict[str, jax.Array]:
        """Feature maps (..., c, h, w) float32 of frames (..., H, W, 3) uint8.

        Args:
            params: of this encoder; only trained trunks are looked at.
            frozen: the weights of the frozen trunk, where it is one.
        """
        return {name: self._map(self._weights(params, name, frozen), frames[name]) for name in self.cameras}

    def vector(self, params: Parameters, maps: Images) -> jax.Array:
        """(..., cameras * bottleneck) from the stacked maps (..., T, c, h, w) of every camera."""
        heads = params["heads"]
        parts = [self._head.apply({"params": heads[plain(name)]}, maps[name]) for name in self.cameras]
        return jnp.concatenate(cast("list[jax.Array]", parts), axis=-1)

    def _weights(self, params: Parameters, camera: str, frozen: Parameters | None) -> Parameters:
        if not self.vision.frozen:
            return cast(Parameters, params["trunks"][plain(camera)])
        if frozen is None:
            raise ValueError(f"the weights of {self.vision.trunk} are needed to look at frames")
        return frozen

    def _map(self, weights: Parameters, frames: jax.Array) -> jax.Array:
        leading, shape = frames.shape[:-3], frames.shape[-3:]
        maps = look(self._trunk, weights, jnp.reshape(frames, (-1, *shape)))
        return jnp.reshape(maps, (*leading, *maps.shape[1:]))


def plain(camera: str) -> str:
    """A camera's name as a name of parameters, whose paths are divided by slashes."""
    return camera.replace("/", ".")


def _named(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {plain(name): part for name, part in parts.items()}
