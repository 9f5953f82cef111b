"""`handson robot`: own an arm until a signal says stop; then hold, stop, disconnect, and say what was."""

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.logging import RichHandler

from robot_env.server.command_line import Settings, parse
from robot_env.server.facade_thread import FacadeThread
from robot_env.server.server import RobotServer
from shared.clock import SystemClock
from shared.config import dump_toml
from shared.version import code_version

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one arm; 0 once asked to end.

    Raises:
        HandsOnError: the address is taken or needs keys, a setting is wrong, a library is missing.
    """
    settings = parse(sys.argv[1:] if argv is None else argv)
    clock, console = SystemClock(), Console()
    with _logging(settings), _ending() as asked:
        log.info("handson %s\n%s", code_version(), dump_toml(settings.server))
        server = RobotServer(settings.server, settings.driver, settings.hand, clock)
        began, facade = clock.now(), None
        try:
            if settings.server.serl_http is not None:
                facade = FacadeThread(settings.server, server.endpoint)
            _serve(server, facade, asked, console)
        finally:
            if facade is not None:
                facade.close()
            server.close()
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(server.counts.items()))
        seconds = clock.now() - began
        console.print(f"robot server: ended by {asked[0]} after {seconds:.0f} s; events: {counts or 'none'}")
    return 0


def _serve(server: RobotServer, facade: FacadeThread | None, asked: list[str], console: Console) -> None:
    """Poll until a signal came; say once where it listens, which arm it has, and where the routes are."""
    console.print(f"robot server: listening on {server.endpoint}", soft_wrap=True)
    ready = routes = False
    while not asked:
        server.poll(POLL_SECONDS)
        if not ready and (arm := server.supervisor.description):
            ready = True
            console.print(f"robot server: ready on {server.endpoint}: {arm}", soft_wrap=True)
        if facade is not None and facade.failure is not None:
            raise facade.failure
        if facade is not None and not routes and facade.port is not None:
            routes = True
            console.print(f"robot server: SERL routes on http://127.0.0.1:{facade.port}", soft_wrap=True)


@contextmanager
def _ending() -> Iterator[list[str]]:
    """The names of the signals that asked for the end; a second SIGINT interrupts outright."""
    asked: list[str] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(signal.Signals(number).name)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _logging(settings: Settings) -> Iterator[None]:
    """The log to its file, and to standard error from WARNING on (INFO when verbose)."""
    terminal = RichHandler(console=Console(stderr=True), show_path=False)
    terminal.setLevel(logging.INFO if settings.server.verbose else logging.WARNING)
    handlers: list[logging.Handler] = [terminal]
    if settings.server.log_file is not None:
        settings.server.log_file.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(settings.server.log_file, encoding="utf-8")
        file.setFormatter(logging.Formatter(FORMAT))
        handlers.append(file)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
