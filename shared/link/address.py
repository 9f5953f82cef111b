"""TCP addresses of the link, as people write them."""

import ipaddress
import re

from shared.errors import ConfigError

_ADDRESS = re.compile(r"tcp://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>[0-9]{1,5})")


def require_address(address: str, stage: str, *, port_zero: bool = False) -> None:
    """Refuse what is not `tcp://HOST:PORT`; port 0 means any free port, where that makes sense."""
    match = _ADDRESS.fullmatch(address)
    if match is None or not (0 if port_zero else 1) <= int(match["port"]) <= 65535:
        cure = "write tcp://HOST:PORT, as in tcp://127.0.0.1:5555"
        raise ConfigError(stage, f"{address!r} is not an address", cure)


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of a valid address; the brackets of an IPv6 address are taken off."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


def is_ipv6(address: str) -> bool:
    """Whether the host is an IPv6 address."""
    return address.startswith("tcp://[")


def is_loopback(address: str) -> bool:
    """Whether only this computer can reach the address; names other than localhost count as reachable."""
    host, _ = host_and_port(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bindable(address: str) -> str:
    """What ZeroMQ can bind: it knows no name, not even localhost."""
    return address.replace("tcp://localhost:", "tcp://127.0.0.1:")
