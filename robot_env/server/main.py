"""`handson robot`: own an arm until a signal says stop; then hold, stop, disconnect, and say what was."""

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

from rich.console import Console
from rich.logging import RichHandler

from robot_env.server.command_line import Settings, parse
from robot_env.server.facade_thread import FacadeThread
from robot_env.server.server import RobotServer
from robot_env.server.teach import Lesson, TeachThread
from shared.clock import SystemClock
from shared.config import dump_toml
from shared.process_logging import file_handler, logging_through
from shared.version import code_version

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one arm; 0 once asked to end.

    Raises:
        HandsOnError: the address is taken or needs keys, a setting is wrong, a library is missing.
    """
    settings = parse(sys.argv[1:] if argv is None else argv)
    clock, console = SystemClock(), Console()
    with _logging(settings), _ending() as asked:
        log.info("handson %s\n%s", code_version(), dump_toml(settings.server))
        lesson = None
        if settings.server.teach is not None:
            lesson = Lesson(settings.server.teach, settings.server.teach_task)
        server = RobotServer(settings.server, settings.driver, settings.hand, clock)
        began = clock.now()
        with ExitStack() as beside:
            beside.callback(server.close)
            facade = None
            if settings.server.serl_http is not None:
                facade = FacadeThread(settings.server, server.endpoint)
                beside.callback(facade.close)
            _await_arm(server, asked, console)
            if lesson is not None and not asked:
                beside.callback(_teach(server, lesson, asked, console).close)
            _serve(server, facade, asked, console)
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(server.counts.items()))
        seconds = clock.now() - began
        console.print(f"robot server: ended by {asked[0]} after {seconds:.0f} s; events: {counts or 'none'}")
    return 0


def _await_arm(server: RobotServer, asked: list[str], console: Console) -> None:
    """Poll until the arm is there or a signal came; say where it listens, and which arm it has."""
    console.print(f"robot server: listening on {server.endpoint}", soft_wrap=True)
    while not asked and not server.supervisor.description:
        server.poll(POLL_SECONDS)
    if arm := server.supervisor.description:
        console.print(f"robot server: ready on {server.endpoint}: {arm}", soft_wrap=True)


def _serve(server: RobotServer, facade: FacadeThread | None, asked: list[str], console: Console) -> None:
    """Poll until a signal came; say once where the routes are."""
    routes = False
    while not asked:
        server.poll(POLL_SECONDS)
        if facade is not None and facade.failure is not None:
            raise facade.failure
        if facade is not None and not routes and facade.port is not None:
            routes = True
            console.print(f"robot server: SERL routes on http://127.0.0.1:{facade.port}", soft_wrap=True)


def _teach(server: RobotServer, lesson: Lesson, asked: list[str], console: Console) -> TeachThread:
    """Lead the person beside the arm through it; ends the server once they are done."""

    def tell(text: str) -> None:
        console.print(f"teaching: {text}", soft_wrap=True, markup=False)

    def end(cause: str) -> None:
        tell(cause)
        asked.append("teaching")

    return TeachThread(server.endpoint, lesson, tell, end)


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
        cure = "give --log-file a place that you may write to, or leave it out"
        handlers.append(file_handler(settings.server.log_file, cure))
    with logging_through(handlers):
        yield
