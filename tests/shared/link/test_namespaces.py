"""Two computers as two network namespaces: keys across a real interface."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.link.keys import KeyStore

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2"),
]

LAB, ROBOT = "10.213.7.1", "10.213.7.2"
LEARNER = """
import sys, time
from pathlib import Path
from learner.ingest import Ingest
from learner.ratio import RatioConfig
from shared.link.listener import ListenerConfig

class NoLog:
    def append(self, record): return 0
    def check(self): pass
    def close(self, deadline_seconds): pass

config = ListenerConfig(bind="tcp://0.0.0.0:5555", keys=Path(sys.argv[1]))
ingest = Ingest(config, RatioConfig(), incarnation="l", open_log=lambda *_: NoLog())
ingest.start()
print("listening", flush=True)
time.sleep(30)
"""
ACTOR = """
import sys, time
from pathlib import Path
from shared.clock import SystemClock
from shared.errors import Refused
from shared.interface import InterfaceSpec
from shared.link.dialer import Dialer, DialerConfig
from shared.protocol import PROTOCOL_VERSION, Hello

interface = InterfaceSpec(name="x", observations=(), actions=(), control_hz=10.0)
hello = Hello(protocol_version=PROTOCOL_VERSION, channel="control", actor_id="actor-0", incarnation="a",
              interface=interface, clock="wall", code_version="1", host="robot")
dialer = Dialer(DialerConfig(connect=sys.argv[1], keys=Path(sys.argv[2])), hello, SystemClock())
deadline = time.monotonic() + 20
try:
    while not dialer.connected and time.monotonic() < deadline:
        dialer.poll(0.1)
    print("joined" if dialer.connected else "nobody there")
except Refused as refused:
    print(refused)
dialer.close(1.0)
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


@pytest.fixture
def computers() -> Iterator[tuple[str, str]]:
    """Two namespaces with a cable between them."""
    lab, robot = (f"handson-{name}-{os.getpid()}" for name in ("lab", "robot"))
    cable = [f"hl{os.getpid() % 100000}", f"hr{os.getpid() % 100000}"]
    try:
        ip("netns", "add", lab)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    try:
        ip("netns", "add", robot)
        ip("link", "add", cable[0], "netns", lab, "type", "veth", "peer", "name", cable[1], "netns", robot)
        for name, end, address in ((lab, cable[0], LAB), (robot, cable[1], ROBOT)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield lab, robot
    finally:
        for name in (lab, robot):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=20)


def run_in(namespace: str, program: str, *arguments: str | Path) -> list[str]:
    return ["ip", "netns", "exec", namespace, sys.executable, "-c", program, *map(str, arguments)]


def test_only_a_known_host_joins_across_the_network(
    computers: tuple[str, str], tmp_path: Path, repository: Path, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    lab, robot = KeyStore(tmp_path / "lab"), KeyStore(tmp_path / "robot")
    robot.trust(lab.make("lab").public)
    pair = robot.make("robot")
    learner = spawn(run_in(computers[0], LEARNER, lab.directory), stdout=subprocess.PIPE)
    assert learner.stdout is not None
    assert learner.stdout.readline() == "listening\n"

    def join() -> str:
        command = run_in(computers[1], ACTOR, f"tcp://{LAB}:5555", robot.directory)
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    assert f"handson keys authorise {pair.public.key.hex()} --host robot" in join()
    lab.authorise(pair.public)
    assert join() == "joined\n"
