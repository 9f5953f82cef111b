"""How this learner sees images: which frozen trunk, whether its maps are cached, and what batches hold."""

import logging
from dataclasses import dataclass

import jax

from learner.agents.config import SACConfig
from learner.agents.map_encoder import MapEncoder
from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.maps import PAD, MapSource
from shared.cache import trunk_directory
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.encoder import ImageEncoder
from shared.policy.trunks.weights import TrunkWeights, load_trunk
from shared.policy.vision import FROZEN, cameras

log = logging.getLogger(__name__)

MOST_FRAMES = 64
CHUNKS = {"cpu": 8}
"""Frames that pass the trunk at once, by platform: few stay in a CPU's cache, many fill an accelerator."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seeing:
    """What the parts of a learner need to know of images.

    Attributes:
        layout: what batches hold.
        trunk: the frozen trunk, where there is one.
        maps: where the replay gets a frozen trunk's maps from; None where batches hold frames.
    """

    layout: BatchLayout
    trunk: TrunkWeights | None = None
    maps: MapSource | None = None


def see(
    agent: SACConfig, replay: ReplayConfig, interface: InterfaceSpec, weights: str | None, seed: int
) -> Seeing:
    """Load the trunk where it is frozen, and decide what batches hold.

    Args:
        weights: file or URL of the trunk's weights; None for those that come with HandsOn.
        seed: of the shifts of cached maps.

    Raises:
        ConfigError: the weights are missing or of another network, or settings do not go together.
    """
    vision, names, grippers = agent.vision, cameras(interface), agent.gripper.rewards(interface)
    if not names:
        if weights is not None:
            raise ConfigError(
                "vision",
                f"trunk_weights is {weights}, and nothing that the actor sends is a picture",
                "leave trunk_weights out, or give the actor cameras",
            )
        return Seeing(layout=BatchLayout(interface=interface, grippers=grippers))
    stack = vision.frame_stack
    if not vision.frozen:
        if weights is not None:
            raise ConfigError(
                "vision",
                f"trunk_weights is {weights}, and the trunk {vision.trunk} is trained from scratch",
                f"leave trunk_weights out, or choose a trunk whose name ends with {FROZEN}",
            )
        return Seeing(layout=BatchLayout(interface=interface, frame_stack=stack, grippers=grippers))
    trunk = load_trunk(vision, weights, trunk_directory())
    log.info("frozen trunk %s, sha256 %s", vision.trunk, trunk.digest)
    if not replay.cached_shifts:
        layout = BatchLayout(interface=interface, frame_stack=stack, grippers=grippers)
        return Seeing(layout=layout, trunk=trunk)
    _require_cacheable(agent)
    encoder = ImageEncoder(vision, interface)
    shapes = {name: encoder.map_shape(name) for name in names}
    return Seeing(
        layout=BatchLayout(interface=interface, frame_stack=stack, map_shapes=shapes, grippers=grippers),
        trunk=trunk,
        maps=MapSource(
            encode=MapEncoder(vision, trunk, PAD),
            shifts=replay.cached_shifts,
            seed=seed,
            chunk=CHUNKS.get(jax.default_backend(), MOST_FRAMES),
        ),
    )


def _require_cacheable(agent: SACConfig) -> None:
    augmentation = agent.augmentation
    if augmentation.pad != PAD or augmentation.target_shifts > 1 or augmentation.value_shifts > 1:
        raise ConfigError(
            "vision",
            f"cached maps are shifted once, by at most {PAD} pixels; pad is {augmentation.pad}, "
            f"target_shifts {augmentation.target_shifts}, value_shifts {augmentation.value_shifts}",
            "set cached_shifts to 0, or leave the augmentation as it is by default",
        )
