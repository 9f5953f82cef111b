"""Forked children of a process that has imported everything already: a life costs milliseconds."""

import os
import signal
import sys
import time
from collections.abc import Callable


def require(condition: object, cause: str) -> None:
    """Raise where `condition` does not hold."""
    if not condition:
        raise AssertionError(cause)


def fork(body: Callable[[], None]) -> int:
    """The id of a child process that runs `body` and ends."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        body()
        status = 0
    except BaseException as error:  # noqa: BLE001 - a forked child must never return into its parent's code
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def kill(pid: int) -> None:
    """SIGKILL a child that should be alive."""
    done, status = os.waitpid(pid, os.WNOHANG)
    require(done == 0, f"a process ended by itself with {status}")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def finish(pid: int, seconds: float) -> None:
    """Wait for a child that ends by itself, and well."""
    deadline = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return require(status == 0, f"a process ended with status {os.waitstatus_to_exitcode(status)}")
        if time.monotonic() > deadline:
            kill(pid)
            raise AssertionError(f"a process did not end within {seconds:g} s")
        time.sleep(0.01)
