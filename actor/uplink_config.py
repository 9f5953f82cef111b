"""How much an actor keeps of what the learner has not confirmed."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigError
from shared.interface import InterfaceSpec

_STAGE = "uplink"
_MIB = 2**20
_COMPRESSIONS = ("none", "lossless", "jpeg")
_RECORDS_IN_RING = 8
_RECORD_OVERHEAD_BYTES = 8192


@dataclass(frozen=True, kw_only=True)
class UplinkConfig:
    """How much the actor keeps, and where it ends."""

    ring_bytes: int = 64 * _MIB
    """Room for steps on their way to the disk; taken from the disk at the start."""
    segment_bytes: int = 8 * _MIB
    """Size at which a spool file is closed and another begun."""
    spool_bytes: int = 16 * 1024 * _MIB
    """The spool takes no more than this; then, as on a full disk, steps wait in the ring."""
    memory_bytes: int = 32 * _MIB
    """Steps of the spool that are also kept in memory, ready to be sent."""
    in_flight_records: int = 256
    """Records sent ahead of the learner's acknowledgement."""
    patience_seconds: float = 60.0
    """How long an earlier process of the same name may take to end before its steps are left to it."""

    image_compression: Literal["none", "lossless", "jpeg"] = "none"
    """Images on the wire. lossless: about half the bytes. jpeg: about an eighth, and almost the same."""
    jpeg_quality: int = 95
    """Quality of jpeg, 1 to 100; without chroma subsampling."""

    def __post_init__(self) -> None:
        if self.image_compression not in _COMPRESSIONS:
            cause = f"image_compression is {self.image_compression!r}"
            raise ConfigError(_STAGE, cause, f"choose one of {', '.join(_COMPRESSIONS)}")
        if not 1 <= self.jpeg_quality <= 100:
            raise ConfigError(_STAGE, f"jpeg_quality is {self.jpeg_quality}", "give 1 to 100")
        for name in ("ring_bytes", "segment_bytes", "spool_bytes", "memory_bytes"):
            if getattr(self, name) < _MIB:
                raise ConfigError(_STAGE, f"{name} is {getattr(self, name)}", f"give at least {_MIB} (1 MiB)")
        if self.in_flight_records < 1:
            raise ConfigError(_STAGE, f"in_flight_records is {self.in_flight_records}", "give at least 1")
        if self.patience_seconds < 0:
            raise ConfigError(_STAGE, f"patience_seconds is {self.patience_seconds:g}", "give 0 or more")

    def require_room(self, interface: InterfaceSpec) -> None:
        """Refuse a ring that holds fewer than a handful of steps of this interface. Raises ConfigError."""
        # A last step holds two observations, four bytes an element cover float32 and uint8 alike.
        elements = sum(
            _elements(entry.shape) * (1 if entry.is_image else 4) for entry in interface.observations
        )
        least = _RECORDS_IN_RING * (2 * elements + _RECORD_OVERHEAD_BYTES)
        if self.ring_bytes < least:
            raise ConfigError(
                _STAGE,
                f"ring_bytes is {self.ring_bytes}, and one step of {interface.name} takes up to "
                f"{least // _RECORDS_IN_RING}",
                f"give at least {least}",
            )


def _elements(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
