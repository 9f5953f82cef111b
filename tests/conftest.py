"""What every test gets: a fixed hypothesis profile, deadlines instead of sleeps, and a check that it left no
thread, no child process and no open socket or file behind.
"""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")

hypothesis.settings.register_profile("handson", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("handson")

REPOSITORY = Path(__file__).resolve().parent.parent
LEAK_GRACE_SECONDS = 3.0
# Pools that libraries keep for the life of the process.
LIBRARY_THREADS = (
    "asyncio_",
    "ThreadPoolExecutor-",
    "base_pytree_ch",
    "metadata_ch",
    "pyzmq-buffers",
    "pytest_timeout",
    "tqdm",
)
LIBRARY_PROCESSES = ("resource_tracker", "forkserver")

WaitUntil = Callable[..., None]
Spawn = Callable[..., "subprocess.Popen[str]"]


def pytest_configure(config: pytest.Config) -> None:
    """One cache for all workers and for whatever they start: empty when the run begins, gone when it ends."""
    # JAX warns of an entry that another process is still writing, and compiles instead.
    warning = "Error reading persistent compilation cache entry"
    config.addinivalue_line("filterwarnings", f"ignore:{warning}:UserWarning")
    if hasattr(config, "workerinput"):
        return
    cache = Path(tempfile.mkdtemp(prefix="handson-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(cache, ignore_errors=True))
    os.environ["HANDSON_CACHE"] = str(cache)


@pytest.fixture(autouse=True, scope="session")
def hangups_end_it() -> None:
    """Also where the tests run under nohup, whose children ignore SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    for item in items:
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        if item.get_closest_marker("gpu") and not Path("/dev/nvidia0").exists():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def _wait_until(condition: Callable[[], object], seconds: float, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what or condition}")
        time.sleep(0.005)


@pytest.fixture
def wait_until() -> WaitUntil:
    """`wait_until(condition, seconds, what="")`: returns once the condition holds, fails at the deadline."""
    return _wait_until


@pytest.fixture
def free_port() -> Callable[[], int]:
    """`free_port()`: a TCP port that nothing listens on at this moment."""

    def pick() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return pick


@pytest.fixture
def repository() -> Path:
    """The root of this checkout."""
    return REPOSITORY


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """`spawn(argv, **Popen options)`: a process that is killed when the test ends.

    `argv` that starts with "handson" runs this checkout's command with this interpreter. Standard output and
    error go to `process.log`, a Path, unless `stdout` is given.
    """
    started: list[subprocess.Popen[str]] = []

    def start(argv: Sequence[str | Path], **options: object) -> "subprocess.Popen[str]":
        command = [str(part) for part in argv]
        if command[0] == "handson":
            command = [sys.executable, "-m", "deploy.cli", *command[1:]]
        log = tmp_path / f"process-{len(started)}.log"
        with log.open("w") as stream:
            keywords = {"stdout": stream, "stderr": subprocess.STDOUT, "text": True, "cwd": REPOSITORY}
            process = subprocess.Popen(command, **(keywords | options))
        process.log = log
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def no_leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail a test that leaves a thread or a child process, or a socket or temporary file open."""
    base = str(tmp_path_factory.getbasetemp())
    before = _threads(), _children(), _descriptors(base)
    yield
    deadline = time.monotonic() + LEAK_GRACE_SECONDS
    while any(leaks := _leaks(before, base)) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    if any(leaks):
        pytest.fail("left behind:\n" + "\n".join(line for kind in leaks for line in kind))


Left = tuple[dict[int, threading.Thread], dict[int, str], dict[str, str]]


def _leaks(before: Left, base: str) -> tuple[list[str], list[str], list[str]]:
    threads, children, descriptors = before
    return (
        [_stack(thread) for key, thread in _threads().items() if key not in threads],
        [f"process {pid}: {command}" for pid, command in _children().items() if pid not in children],
        [f"open {what}" for key, what in _descriptors(base).items() if key not in descriptors],
    )


def _threads() -> dict[int, threading.Thread]:
    return {
        thread.ident: thread
        for thread in threading.enumerate()
        if thread.ident is not None and not thread.name.startswith(LIBRARY_THREADS)
    }


def _stack(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    stack = "".join(traceback.format_stack(frame)) if frame else ""
    return f"thread {thread.name!r}\n{stack}"


def _children() -> dict[int, str]:
    found: dict[int, str] = {}
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in _read(listing).split():
            command = _read(Path("/proc") / pid / "cmdline").replace("\0", " ")
            if command and not any(name in command for name in LIBRARY_PROCESSES):
                found[int(pid)] = command
    return found


def _descriptors(base: str) -> dict[str, str]:
    """Sockets and files under `base` by a name that tells one from another."""
    found: dict[str, str] = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:  # the descriptor of this very listing
            continue
        if target.startswith(("socket:", base)):
            found[f"{entry.name} {target}"] = target
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread or process ended meanwhile
        return ""
