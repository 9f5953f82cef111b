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
