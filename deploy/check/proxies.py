"""Proxies in the environment, which other programs would send a robot's traffic through."""

from collections.abc import Mapping

from deploy.check.base import Check, Outcome, ok, warn
from deploy.check.bench import Bench
from deploy.check.robot_config import robot_host
from shared.link.address import host_and_port

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def checks(bench: Bench) -> list[Check]:
    """Whether the hosts of this bench are left alone by them."""
    hosts = [host for host in (robot_host(bench), _host(bench.config.connect)) if host]
    return [Check(name="proxies", run=lambda: proxies(bench.host.environment, hosts))]


def proxies(environment: Mapping[str, str], hosts: list[str]) -> Outcome:
    """HandsOn itself uses none; curl, pip and a browser on the robot's page do."""
    proxies = {
        name.lower().removesuffix("_proxy"): value
        for name, value in environment.items()
        if name.lower() in NAMES and value
    }
    used = sorted(name for name in proxies if name != "no")
    if not used:
        return ok("none")
    through = [host for host in hosts if not _spared(host, proxies.get("no", ""))]
    told = f"{', '.join(f'{name}_proxy' for name in used)} set; HandsOn goes past them"
    if not through:
        return ok(told)
    return warn(
        f"{told}, other programs reach {', '.join(through)} through them",
        f"export no_proxy={','.join([*through, 'localhost', '127.0.0.1'])}   (names, not ranges)",
    )


def _spared(host: str, no_proxy: str) -> bool:
    """As curl and Python's urllib read it: `*`, the host itself, or a domain that it ends with."""
    named = [name.strip().lstrip(".").lower() for name in no_proxy.split(",") if name.strip()]
    return any(name == "*" or host.lower() == name or host.lower().endswith(f".{name}") for name in named)


def _host(address: str | None) -> str | None:
    return None if address is None else host_and_port(address)[0]
