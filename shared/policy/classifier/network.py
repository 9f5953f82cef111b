"""The network of a reward classifier: a frozen trunk, a small head per camera, one layer that joins them.

SERL's reward classifier (Luo et al. 2024, serl_launcher/networks/reward_classifier.py) as far as the trunk
and the heads; what is added is one more output for each camera by itself, so that a camera that shows nothing
of success is found out, and several members, whose mean logits are the answer.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from shared.policy.classifier.spec import ClassifierSpec
from shared.policy.encoder import ImageEncoder

Maps = Mapping[str, jax.Array]
Parameters = Mapping[str, Any]


class Judgement(nn.Module):
    """From the cameras' vectors to logits: of all cameras together, then of each alone."""

    classes: int
    hidden: int

    @nn.compact
    def __call__(self, vectors: jax.Array) -> jax.Array:
        """(..., cameras, width) to (..., 1 + cameras, classes)."""
        cameras = vectors.shape[-2]
        joined = nn.Dense(self.hidden, name="join")(jnp.reshape(vectors, (*vectors.shape[:-2], -1)))
        outputs = [nn.Dense(self.classes, name="together")(nn.relu(joined))]
        outputs += [nn.Dense(self.classes, name=f"alone_{i}")(vectors[..., i, :]) for i in range(cameras)]
        return jnp.stack(outputs, axis=-2)


class ClassifierNetwork:
    """Settings and functions over one member's parameters {"encoder", "judgement"}; no array lives here."""

    def __init__(self, spec: ClassifierSpec) -> None:
        self.spec = spec
        self.encoder = ImageEncoder(spec.vision, spec.views.interface)
        self._judgement = Judgement(len(spec.classes), spec.hidden)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """New parameters of one member."""
        first, second = jax.random.split(key)
        vectors = jnp.zeros((len(self.encoder.cameras), self.spec.vision.bottleneck))
        judgement = self._judgement.init(second, vectors)["params"]
        return {"encoder": self.encoder.init(first), "judgement": judgement}

    def maps(self, frames: Maps, trunk: Parameters) -> dict[str, jax.Array]:
        """Feature maps (..., c, h, w) of frames (..., H, W, 3) uint8."""
        return self.encoder.maps({}, frames, trunk)

    def logits(self, params: Parameters, maps: Maps) -> jax.Array:
        """(..., 1 + cameras, classes) of one member: all cameras together first, then each alone.

        Args:
            maps: (..., c, h, w) by image entry.
        """
        stacks = {name: array[..., None, :, :, :] for name, array in maps.items()}
        vector = self.encoder.vector(params["encoder"], stacks)
        vectors = jnp.reshape(vector, (*vector.shape[:-1], len(self.encoder.cameras), -1))
        return cast(jax.Array, self._judgement.apply({"params": params["judgement"]}, vectors))

    def mean_logits(self, members: Parameters, maps: Maps) -> jax.Array:
        """(..., 1 + cameras, classes): log-probabilities, the mean of all members (leading axis)."""
        logits = jax.vmap(self.logits, in_axes=(0, None))(members, maps)
        return jnp.mean(jax.nn.log_softmax(logits, axis=-1), axis=0)
