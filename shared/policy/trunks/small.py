"""SERL's four-layer network, small enough to be trained from scratch with the policy."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import flax.linen as nn
import jax
import jax.numpy as jnp

FEATURES = (32, 64, 128, 256)


class SmallTrunk(nn.Module):
    """Four 3x3 convolutions with stride 2, unpadded, each followed by a ReLU; a 64x64 frame becomes 3x3x256.

    The settings under which SERL's DrQ launcher builds its `small` encoder.
    """

    @nn.compact
    def __call__(self, frames: jax.Array) -> jax.Array:
        """Frames (N, H, W, 3) uint8 to maps (N, h, w, 256) float32."""
        x = frames.astype(jnp.float32) / 255.0
        for features in FEATURES:
            x = nn.relu(nn.Conv(features, (3, 3), strides=2, padding="VALID")(x))
        return x
