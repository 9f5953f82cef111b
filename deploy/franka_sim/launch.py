"""Starts the simulated Franka on a loopback address of its own, and does to it what happens to robots."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from deploy.children import tail
from deploy.franka_sim.environment import install, model_file
from shared.clock import Clock, SystemClock
from shared.errors import HandsOnError

SERVE = Path(__file__).with_name("serve.py")
ARM_PORT, HAND_PORT = 1337, 1338
START_SECONDS = 30.0
END_SECONDS = 5.0
LOOK_SECONDS = 0.05
TRIES = 50


class SimulatorFailed(HandsOnError):
    """The simulated Franka did not start; the cause holds the end of its log."""


class FrankaSim:
    """A simulator at `host`; `close` ends it, and so does the end of this process."""

    def __init__(self, python: Path, host: str, flags: Sequence[str], log_path: Path, clock: Clock) -> None:
        self.host = host
        self.log_path = log_path
        self._python, self._flags, self._clock = python, flags, clock
        self._process = self._start()

    def restart(self) -> None:
        """Switch it off and on: another process at the same address, waited for."""
        self.close()
        self._process = self._start()

    def push(self, force_n: Sequence[float], seconds: float) -> None:
        """Exert a force on the tool, base frame, for a while."""
        self._tell(f"push {' '.join(str(float(each)) for each in force_n)} {seconds}")

    def user_stop(self, stopped: bool) -> None:
        """Release the enabling device, or press it again."""
        self._tell(f"user_stop {int(stopped)}")

    def kill(self) -> None:
        """As when the controller loses power."""
        self._process.kill()
        self._process.wait(END_SECONDS)

    def freeze(self, frozen: bool = True) -> None:
        """As when the cable is pulled, or put back."""
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def close(self) -> None:
        """End it; harmless twice."""
        self.kill()
        self._commands.close()

    @property
    def _commands(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log_path.open("ab") as stream:
            process = subprocess.Popen(
                command(self._python, self.host, "--commands", *self._flags),
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables(self._python)},
                start_new_session=True,
                bufsize=0,
            )
        try:
            wait_until_served(self.host, lambda: process.poll() is None, self.log_path, self._clock)
        except HandsOnError:
            process.kill()
            raise
        return process

    def _tell(self, line: str) -> None:
        self._commands.write(f"{line}\n".encode())


def command(python: Path, host: str, *flags: str) -> list[str]:
    """The command that serves a simulated Franka at a host."""
    return [str(python), str(SERVE), host, *flags]


def variables(python: Path) -> dict[str, str]:
    """The variables that command needs."""
    return {"FR3_MJCF": str(model_file(python)), "OPENBLAS_NUM_THREADS": "1"}


def launch(log_path: Path, *flags: str, clock: Clock | None = None) -> FrankaSim:
    """Install it where it is missing, start it, and wait until it serves arm and gripper.

    Args:
        log_path: file for what it says.
        flags: --enforce-communication, --enforce-motion; see serve.py.
        clock: measures how long it may take.

    Raises:
        InstallationFailed: it is not installed, and cannot be.
        SimulatorFailed: it ended, or was not ready in time.
    """
    return FrankaSim(install(), free_host(), flags, log_path, clock or SystemClock())


def wait_until_served(host: str, lives: Callable[[], bool], log_path: Path, clock: Clock) -> None:
    """Return once arm and gripper listen; SimulatorFailed when it ended, or after START_SECONDS."""
    deadline = clock.now() + START_SECONDS
    while not serves(host):
        if not lives() or clock.now() >= deadline:
            how = "did not listen in time" if lives() else "ended"
            words = f"the simulated Franka at {host} {how}; its last words:\n{tail(log_path)}"
            raise SimulatorFailed("starting the simulated Franka", words, f"read {log_path}")
        clock.sleep_until(clock.now() + LOOK_SECONDS)


def serves(host: str) -> bool:
    """Whether arm and gripper listen."""
    return listens(host, HAND_PORT) and listens(host, ARM_PORT)


def listens(host: str, port: int) -> bool:
    """Whether something listens there, found without connecting: the robot serves one client at a time."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_host() -> str:
    """A loopback address where nothing listens on the robot's fixed ports."""
    draw = random.Random(os.getpid() ^ random.SystemRandom().getrandbits(32))
    for _ in range(TRIES):
        host = f"127.{draw.randint(16, 99)}.{draw.randint(1, 254)}.{draw.randint(1, 254)}"
        if not listens(host, ARM_PORT) and not listens(host, HAND_PORT):
            return host
    raise SimulatorFailed(
        "starting the simulated Franka", f"no free loopback address in {TRIES} tries", "end other simulators"
    )
