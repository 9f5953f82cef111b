"""Which learner of SERL or HIL-SERL an actor joins."""

from dataclasses import dataclass

from shared.agentlace import STAGE, parse_ports
from shared.errors import ConfigError
from shared.link.address import require_address
from shared.step import is_name


@dataclass(frozen=True, kw_only=True)
class JoinConfig:
    """A learner that is not HandsOn's."""

    agentlace: str | None = None
    """Join a SERL learner, as in 192.168.1.5:5488,5489 (HIL-SERL: 5588,5589); none joins HandsOn's."""
    agentlace_store: str = "actor_env"
    """Its store for every transition."""
    agentlace_intervention_store: str | None = None
    """Its store for those that a person drove, besides; HIL-SERL has actor_env_intvn."""

    def __post_init__(self) -> None:
        if self.agentlace is not None:
            host, ports = self.address
            require_address(f"tcp://{host}:{ports[0]}", STAGE)
            require_address(f"tcp://{host}:{ports[1]}", STAGE)
        for store in (self.agentlace_store, self.agentlace_intervention_store):
            if store is not None and not is_name(store):
                raise ConfigError(STAGE, f"{store!r} names no store", "use letters, digits, dots, - and _")

    @property
    def address(self) -> tuple[str, tuple[int, int]]:
        """Host, and the ports of requests and of broadcasts; only where there is one."""
        host, found, ports = (self.agentlace or "").rpartition(":")
        if not found or not host or 0 in parse_ports(ports):
            cure = "write HOST:REQUESTS,BROADCASTS, as in 127.0.0.1:5488,5489"
            raise ConfigError(STAGE, f"{self.agentlace!r} is no learner's address", cure)
        return host, parse_ports(ports)
