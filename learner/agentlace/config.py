"""What the agentlace gateway can be told."""

import math
from dataclasses import dataclass

from shared.agentlace import STAGE, parse_ports
from shared.errors import ConfigError
from shared.step import is_name

PREFIX = "agentlace-"
LONGEST_STORE = 64 - len(PREFIX)


@dataclass(frozen=True, kw_only=True)
class AgentlaceConfig:
    """Where SERL's and HIL-SERL's actors join, and what they bring."""

    agentlace: str | None = None
    """Ports for requests and broadcasts, as in 5488,5489 (SERL) or 5588,5589 (HIL-SERL); none opens none."""
    agentlace_bind: str = "127.0.0.1"
    """Host to listen on for them."""
    agentlace_force: bool = False
    """Listen for anybody who reaches agentlace_bind: the protocol knows no keys."""
    agentlace_stores: tuple[str, ...] = ("actor_env",)
    """Stores of theirs whose transitions are practice."""
    agentlace_demo_stores: tuple[str, ...] = ("actor_env_intvn",)
    """Stores of theirs whose transitions a person drove: they are pinned like demonstrations."""
    agentlace_hz: float = 10.0
    """Their control rate, which nothing on the wire tells."""
    agentlace_publish_seconds: float = 1.0
    """A policy is broadcast to them at most once in so long."""

    def __post_init__(self) -> None:
        if self.agentlace is not None:
            parse_ports(self.agentlace)
        stores = self.agentlace_stores + self.agentlace_demo_stores
        if len(set(stores)) != len(stores) or not stores:
            raise ConfigError(STAGE, f"the stores are {list(stores)}", "name each once, and at least one")
        for store in stores:
            if not is_name(store) or len(store) > LONGEST_STORE:
                raise ConfigError(
                    STAGE, f"{store!r} names no store", f"use up to {LONGEST_STORE} letters, digits, dots, -_"
                )
        if not all(math.isfinite(n) and n > 0 for n in (self.agentlace_hz, self.agentlace_publish_seconds)):
            raise ConfigError(
                STAGE,
                f"agentlace_hz is {self.agentlace_hz}, publish_seconds {self.agentlace_publish_seconds}",
                "give positive numbers",
            )

    @property
    def ports(self) -> tuple[int, int] | None:
        """Of requests and of broadcasts; None without a gateway."""
        return None if self.agentlace is None else parse_ports(self.agentlace)
