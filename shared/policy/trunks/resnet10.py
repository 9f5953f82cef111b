"""ResNet-10 with group normalisation, as SERL pretrained it on ImageNet.

He et al., Deep Residual Learning (2015), one basic block a stage; Wu and He, Group Normalization (2018). The
names of the parameters are those of SERL's `resnet10_params.pkl`.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import flax.linen as nn
import jax
import jax.numpy as jnp

STAGES = 4
FILTERS = 64
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class ResNet10(nn.Module):
    """A 128x128 frame becomes 4x4x512: each map has 1/32 of the frame's height and width, rounded up."""

    @nn.compact
    def __call__(self, frames: jax.Array) -> jax.Array:
        """Frames (N, H, W, 3) uint8 RGB to maps (N, h, w, 512) float32."""
        x = (frames.astype(jnp.float32) / 255.0 - jnp.array(MEAN)) / jnp.array(STD)
        x = _conv(FILTERS, 7, 2, "conv_init", padding=3)(x)
        x = nn.relu(_norm("norm_init")(x))
        x = nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")
        for stage in range(STAGES):
            x = BasicBlock(FILTERS * 2**stage, 1 if stage == 0 else 2, name=f"ResNetBlock_{stage}")(x)
        return x


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is projected where the shape changes."""

    filters: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, h, w, c) to (N, h / stride, w / stride, filters)."""
        y = _conv(self.filters, 3, self.stride, "Conv_0")(x)
        y = nn.relu(_norm("MyGroupNorm_0")(y))
        y = _norm("MyGroupNorm_1")(_conv(self.filters, 3, 1, "Conv_1")(y))
        if x.shape != y.shape:
            x = _norm("norm_proj")(_conv(self.filters, 1, self.stride, "conv_proj")(x))
        return nn.relu(x + y)


def _conv(filters: int, size: int, stride: int, name: str, padding: int | str = "SAME") -> nn.Conv:
    kernel = nn.initializers.kaiming_normal()
    return nn.Conv(
        filters, (size, size), stride, padding=padding, use_bias=False, kernel_init=kernel, name=name
    )


def _norm(name: str) -> nn.GroupNorm:
    return nn.GroupNorm(num_groups=4, epsilon=1e-5, name=name)
