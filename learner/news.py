"""What the learner has to say to actors, put together by any thread and told by the link thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.codec import Buffer
from shared.delivery import Stream


@dataclass(frozen=True, kw_only=True)
class EncodedSnapshot:
    """A policy as it goes over the wire: its name, its header, and its arrays in the header's order."""

    header: bytes
    buffers: Sequence[Buffer]
    incarnation: str
    version: int


@dataclass(frozen=True, kw_only=True)
class EncodedTrunk:
    """A frozen trunk as it goes over the wire: see `shared.policy.trunks.trunk_file.encode_trunk`."""

    digest: str
    header: bytes
    buffers: Sequence[Buffer]


@dataclass(frozen=True, kw_only=True)
class News:
    """What actors should know of the learner at this moment.

    Attributes:
        ready: whether it trains as soon as it has data.
        snapshot: the newest policy.
        trunk: the frozen trunk that its policies see through, where they do.
        consumed: training steps of each stream that are used up.
        stop: why training has ended.
    """

    ready: bool = False
    snapshot: EncodedSnapshot | None = None
    trunk: EncodedTrunk | None = None
    consumed: Mapping[Stream, int]
    stop: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What Welcome says of the learner, the same to all actors."""

    incarnation: str
    code_version: str
    heartbeat_seconds: float
    lease_seconds: float
    max_lead_steps: int
    clock: Literal["wall", "simulated"]
