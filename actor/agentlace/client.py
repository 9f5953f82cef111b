"""What a client of agentlace asks its server, one request and one reply at a time."""

import json
from collections.abc import Sequence
from typing import Any

from actor.agentlace.config import JoinConfig
from shared.agentlace import MAX_MESSAGE_BYTES, STAGE, STATS, VERSION, decode, encode, require_lz4
from shared.errors import ConfigError, LinkError
from shared.link.agentlace_sockets import AgentlaceClientSockets

WHOSE = "the SERL learner's answer"
REPLY_SECONDS = 2.0
LARGEST_ID = 2**53
CURE = "see what listens there, and the learner's terminal"


class AgentlaceClient:
    """Owned by one thread. Every request ends within REPLY_SECONDS, with LinkError where nobody answered and
    ConfigError where the answer cannot be read.

    Raises:
        ConfigError: python-lz4 is missing.
    """

    def __init__(self, config: JoinConfig) -> None:
        require_lz4()
        host, ports = config.address
        self._sockets = AgentlaceClientSockets(host, ports, MAX_MESSAGE_BYTES)

    def greet(self) -> None:
        """Compare versions; ConfigError where it speaks another one."""
        payload = self._ask({"type": "hash"}).get("payload")
        try:
            version = json.loads(payload if isinstance(payload, str) else "")["version"]
        except (TypeError, ValueError, KeyError, RecursionError):
            raise ConfigError(STAGE, f"{WHOSE} to a greeting is {_shown(payload)}", CURE) from None
        if version != VERSION:
            cure = f"install an agentlace of version {VERSION} there"
            raise ConfigError(
                STAGE, f"the SERL learner speaks version {_shown(version)}, not {VERSION}", cure
            )

    def last_id(self, store: str) -> int:
        """Of the newest transition that the store holds; -1 for none. ConfigError for an unknown store."""
        reply = self._ask({"type": "get_last_update_id", "payload": {"store_name": store}})
        last = reply.get("payload")
        if not reply.get("success") or not isinstance(last, int) or not -1 <= last <= LARGEST_ID:
            cause = f"the SERL learner has no store {store!r}: {_shown(reply.get('message'))}"
            raise ConfigError(STAGE, cause, "name one of its stores: --agentlace-store, -intervention-store")
        return last

    def send(self, store: str, transitions: Sequence[dict[str, Any]], last_id: int) -> None:
        """Transitions with consecutive ids up to `last_id`; LinkError where they were not taken."""
        payload = {"data": list(transitions), "last_id": last_id}
        reply = self._ask({"type": "datastore", "store_name": store, "payload": payload})
        if not reply.get("success"):
            raise LinkError(STAGE, f"the SERL learner took nothing: {_shown(reply.get('message'))}", CURE)

    def report(self, values: dict[str, Any]) -> None:
        """Numbers for its charts."""
        self._ask({"type": STATS, "payload": values})

    def newest_parameters(self, timeout_seconds: float) -> Any:
        """What was broadcast last and not taken yet; None where nothing comes in time."""
        frame = self._sockets.newest(timeout_seconds)
        return None if frame is None else decode(frame, "a broadcast of the SERL learner")

    def close(self) -> None:
        """Hang up. Twice is harmless."""
        self._sockets.close()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        reply = decode(self._sockets.request(encode(message), REPLY_SECONDS), WHOSE)
        if not isinstance(reply, dict):
            raise LinkError(STAGE, f"{WHOSE} is a {type(reply).__name__}", CURE)
        return reply


def _shown(value: Any) -> str:
    """For errors: a text's beginning, what kind of thing anything else is."""
    return repr(value[:200]) if isinstance(value, str) else f"a {type(value).__name__}"
