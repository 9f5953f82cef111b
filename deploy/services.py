"""What a run needs beside its own processes: programs that are started first, awaited, and ended last."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.children import Child, ProcessFailed, start
from shared.clock import Clock

READY_SECONDS = 60.0
LOOK_SECONDS = 0.1
END_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Service:
    """One program.

    Attributes:
        name: names its log.
        command: program and arguments.
        ready: whether it serves by now; it is given the log's text.
        environment: variables on top of this process's own.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[str], bool]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@contextmanager
def running(services: Sequence[Service], run: Path, clock: Clock) -> Iterator[list[Child]]:
    """Within the block they run, started in order, each once the one before it is ready.

    Raises:
        ProcessFailed: one ended, or was not ready after READY_SECONDS.
    """
    children: list[Child] = []
    with ExitStack() as stack:
        for service in services:
            child = start(service.name, service.command, run / f"{service.name}.log", service.environment)
            stack.callback(child.end, END_SECONDS)
            _await(service, child, clock)
            children.append(child)
        yield children


def _await(service: Service, child: Child, clock: Clock) -> None:
    deadline = clock.now() + READY_SECONDS
    while not service.ready(child.log_path.read_text(errors="replace")):
        if child.wait(LOOK_SECONDS) is not None:
            raise child.failure()
        if clock.now() >= deadline:
            raise ProcessFailed(
                service.name, f"is not ready after {READY_SECONDS:.0f} s", f"read {child.log_path}"
            )


def free_port() -> int:
    """A TCP port of this computer that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
