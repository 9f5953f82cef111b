"""EfficientNet-Lite0: a small network pretrained on ImageNet, cut after the stage that one chooses.

Tan and Le, EfficientNet (2019), in the Lite variant: ReLU6, no squeeze-and-excitation. Batch normalisation is
folded into the convolutions, so there are only kernels and biases.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

STEM_FEATURES = 32
# Pixels that a CPU takes through the network together. With more, what lies between the layers leaves its
# caches: 64 frames of 64x64 or of 128x128 then take twice as long.
GROUP_PIXELS = 1 << 16


class Stage(NamedTuple):
    """A run of blocks; the first has the stride."""

    expansion: int
    kernel: int
    stride: int
    features: int
    blocks: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


class EfficientNetLite0(nn.Module):
    """The first `stages` stages, 1 to 7; a 64x64 frame becomes 8x8x40 after three."""

    stages: int

    @nn.compact
    def __call__(self, frames: jax.Array) -> jax.Array:
        """Frames (N, H, W, 3) uint8 RGB to maps (N, h, w, c) float32."""
        group = group_size(*frames.shape[:3])
        if group == frames.shape[0] or jax.default_backend() != "cpu":
            return self._maps(frames)
        groups = frames.reshape(-1, group, *frames.shape[1:])
        in_turn = nn.scan(_next_group, variable_broadcast="params", split_rngs={"params": False})
        _, maps = in_turn(self, None, groups)
        return maps.reshape(-1, *maps.shape[2:])

    def _maps(self, frames: jax.Array) -> jax.Array:
        x = (frames.astype(jnp.float32) - 127.0) / 128.0
        x = nn.relu6(nn.Conv(STEM_FEATURES, (3, 3), strides=2, padding="SAME", name="stem")(x))
        number = 0
        for stage in STAGES[: self.stages]:
            for repeat in range(stage.blocks):
                stride = stage.stride if repeat == 0 else 1
                block = InvertedResidual(
                    stage.expansion, stage.kernel, stride, stage.features, name=f"block_{number}"
                )
                x = block(x)
                number += 1
        return x


def group_size(frames: int, height: int, width: int) -> int:
    """The largest number of frames within GROUP_PIXELS (at least one) that divides them all evenly."""
    most = max(GROUP_PIXELS // (height * width), 1)
    return next((size for size in range(min(most, frames), 0, -1) if frames % size == 0), frames)


def _next_group(network: EfficientNetLite0, carry: None, frames: jax.Array) -> tuple[None, jax.Array]:
    return carry, network._maps(frames)  # pyright: ignore[reportPrivateUsage]


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel alone, narrow again: the block of MobileNetV2."""

    expansion: int
    kernel: int
    stride: int
    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, h, w, c) to (N, h / stride, w / stride, features)."""
        y = x
        if self.expansion > 1:
            y = nn.relu6(nn.Dense(x.shape[-1] * self.expansion, name="expand")(y))
        y = nn.relu6(Depthwise(self.kernel, self.stride, name="depthwise")(y))
        y = nn.Dense(self.features, name="project")(y)
        return x + y if x.shape == y.shape else y


class Depthwise(nn.Module):
    """A convolution of each channel with its own k x k filter, padded as TensorFlow's SAME.

    Written as k * k shifted products, which XLA fuses into one loop: on a CPU the whole network is then five
    to eighteen times as fast as with XLA's grouped convolution.
    """

    size: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, h, w, c) to (N, ceil(h / stride), ceil(w / stride), c)."""
        kernel = self.param("kernel", nn.initializers.he_normal(), (self.size, self.size, x.shape[-1]))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        padded = jnp.pad(x, ((0, 0), self._padding(x.shape[1]), self._padding(x.shape[2]), (0, 0)))
        rows, columns = (self._places(length) for length in x.shape[1:3])
        total = jnp.broadcast_to(bias, (x.shape[0], rows, columns, x.shape[-1]))
        for i in range(self.size):
            for j in range(self.size):
                total += padded[:, self._shifted(i, rows), self._shifted(j, columns)] * kernel[i, j]
        return total

    def _places(self, length: int) -> int:
        return -(-length // self.stride)

    def _padding(self, length: int) -> tuple[int, int]:
        total = max((self._places(length) - 1) * self.stride + self.size - length, 0)
        return total // 2, total - total // 2

    def _shifted(self, start: int, places: int) -> slice:
        return slice(start, start + (places - 1) * self.stride + 1, self.stride)
