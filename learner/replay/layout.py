"""BatchLayout: which arrays a batch holds. Images come as frames, or as a frozen trunk's maps of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from learner.replay.gripper_rewards import GripperRewards
from shared.interface import InterfaceSpec, ObservationEntry

MapShapes = Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True, kw_only=True)
class BatchLayout:
    """Shapes and dtypes of a batch's observation entries, behind its leading axes.

    Attributes:
        interface: what actors send.
        frame_stack: T, frames of an image entry that are seen together, the newest last.
        map_shapes: (c, h, w) of the cached feature map of each image entry; empty where batches hold frames.
        grippers: how to work out what moving a gripper costs; None where nobody asks.
    """

    interface: InterfaceSpec
    frame_stack: int = 1
    map_shapes: MapShapes = field(default_factory=dict[str, tuple[int, int, int]])
    grippers: GripperRewards | None = None

    @cached_property
    def entries(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and dtype of every observation entry, in declared order; see `entry`."""
        return {entry.name: self.entry(entry) for entry in self.interface.observations}

    def entry(self, entry: ObservationEntry) -> tuple[tuple[int, ...], str]:
        """(D,) float32 for state; (T, H, W, 3) uint8 frames or (T, c, h, w) float16 maps for an image."""
        if not entry.is_image:
            return entry.shape, entry.dtype
        if self.map_shapes:
            return (self.frame_stack, *self.map_shapes[entry.name]), "float16"
        return (self.frame_stack, *entry.shape), entry.dtype
