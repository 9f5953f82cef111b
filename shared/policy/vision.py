"""VisionConfig: how camera images become part of what the policy and the critics see.

A *trunk* turns one frame into a feature map; it is the same for every camera where it is frozen. A *head*
pools the maps of one camera's last frames into a vector. A frozen trunk never changes, so it is named by a
digest of its weights, which travel apart from everything else.
"""

from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigError
from shared.interface import InterfaceSpec

TrunkName = Literal["small", "resnet10", "resnet10_frozen", "efficientnet_lite0_frozen"]
TRUNKS: tuple[TrunkName, ...] = ("small", "resnet10", "resnet10_frozen", "efficientnet_lite0_frozen")
Pooling = Literal["average", "spatial_softmax", "spatial_embeddings"]
POOLINGS: tuple[Pooling, ...] = ("average", "spatial_softmax", "spatial_embeddings")
FROZEN = "_frozen"
STAGE = "vision"


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """The image side of the networks; unused where the interface declares no images."""

    trunk: TrunkName = "efficientnet_lite0_frozen"
    """Network from a frame to a feature map; the frozen ones are pretrained and never change."""
    trunk_stages: int = 3
    """Stages of an EfficientNet that are kept (1 to 7); the map is 1/2, 1/4, 1/8, 1/16... of the frame."""
    pooling: Pooling = "spatial_embeddings"
    """From a feature map to a vector: mean, places of keypoints, or learned weights for each place (SERL)."""
    embeddings: int = 8
    """Learned weightings of a map's places, for spatial_embeddings."""
    keypoints: int = 32
    """Learned keypoints, for spatial_softmax."""
    bottleneck: int = 64
    """Width of the layer after pooling, for each camera."""
    state_width: int = 64
    """Width of the layer that the state entries pass before they join the cameras."""
    frame_stack: int = 1
    """Newest frames of each camera that are seen together."""
    shared: bool = False
    """One set of heads (and trained trunk) for policy and critics, trained by the critics alone (SERL)."""

    def __post_init__(self) -> None:
        for name, valid in (("trunk", TRUNKS), ("pooling", POOLINGS)):
            if getattr(self, name) not in valid:
                raise ConfigError(
                    STAGE, f"{name} is {getattr(self, name)!r}", f"choose one of {', '.join(valid)}"
                )
        for name in ("embeddings", "keypoints", "bottleneck", "state_width", "frame_stack"):
            if getattr(self, name) < 1:
                raise ConfigError(STAGE, f"{name} is {getattr(self, name)}", f"set {name} to at least 1")
        if not 1 <= self.trunk_stages <= 7:
            raise ConfigError(STAGE, f"trunk_stages is {self.trunk_stages}", "choose 1 to 7")

    @property
    def frozen(self) -> bool:
        """Whether the trunk never changes."""
        return self.trunk.endswith(FROZEN)


def cameras(interface: InterfaceSpec) -> tuple[str, ...]:
    """The image entries of an interface, in declared order."""
    return tuple(entry.name for entry in interface.observations if entry.is_image)
