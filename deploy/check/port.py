"""Whether the learner can listen where it is told to."""

import errno
import socket

from deploy.check.base import Check, Outcome, fail, ok, warn
from deploy.check.bench import Bench
from shared.link.address import host_and_port, is_ipv6

ZEROMQ = b"\xff"
SECONDS = 1.0


def checks(bench: Bench) -> list[Check]:
    """The learner's port."""
    return [Check(name="learner's port", run=lambda: port(bench.config.bind))]


def port(bind: str) -> Outcome:
    """Free, or taken by something that greets like a learner."""
    host, number = host_and_port(bind)
    family = socket.AF_INET6 if is_ipv6(bind) else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return _taken(host, number)
            return fail(
                f"cannot listen on {bind}: {error.strerror}",
                "bind an address that this computer has (ip addr)",
            )
    return ok(f"{bind} is free")


def _taken(host: str, number: int) -> Outcome:
    reachable = "127.0.0.1" if host in ("0.0.0.0", "*") else host
    try:
        with socket.create_connection((reachable, number), SECONDS) as peer:
            peer.settimeout(SECONDS)
            greets = peer.recv(1) == ZEROMQ
    except OSError:
        greets = False
    if greets:
        return warn(
            f"port {number} is taken by a program that greets like a learner", "one learner to a port"
        )
    return fail(
        f"port {number} is taken by another program",
        f"ss -ltnp 'sport = :{number}' names it; stop it, or choose another --bind",
    )
