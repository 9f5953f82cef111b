"""What two ends of a link say to each other: the link itself carries any such set of messages alike."""

from dataclasses import dataclass
from typing import Any

import msgspec

from shared.protocol import PROTOCOL_VERSION, Channel, Hello, Message, Welcome


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A set of messages; Heartbeat, Unknown, Refuse and Malformed of `shared.protocol` are in each.

    Attributes:
        version: of the protocol; a Hello of another one is refused.
        decoder: reads the header frame of every message.
        hello: the first message of the end that dials; it has `protocol_version` and `channel`.
        welcome: the answer; it has `heartbeat_seconds` and `lease_seconds`.
        channels: connections that the dialling end opens.
        server, client: what people call the end that listens and the end that dials.
    """

    version: int
    decoder: "msgspec.msgpack.Decoder[Any]"
    hello: type[Any]
    welcome: type[Any]
    channels: tuple[Channel, ...]
    server: str
    client: str


LEARNER = Dialect(
    version=PROTOCOL_VERSION,
    decoder=msgspec.msgpack.Decoder(Message),
    hello=Hello,
    welcome=Welcome,
    channels=("control", "bulk"),
    server="learner",
    client="actor",
)
