"""Who may connect: only hosts that the learner knows, only to a learner that they trust; all are told why."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigError, Refused
from shared.link import handshake
from shared.link.keys import KeyPair, KeyStore
from shared.protocol import Hello


class Lab:
    """Two computers' key directories."""

    def __init__(self, root: Path) -> None:
        self.learner, self.robot = KeyStore(root / "lab"), KeyStore(root / "robot")
        self.learner_pair = self.learner.make("lab")
        self.robot_pair: KeyPair = self.robot.make("robot")

    def introduce(self) -> None:
        self.learner.authorise(self.robot_pair.public)
        self.robot.trust(self.learner_pair.public)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def refused(ends: Any) -> str:
    with pytest.raises(Refused) as raised:
        ends.pump(lambda: False)
    return str(raised.value)


def test_a_known_host_joins_from_any_network(ends: Any, lab: Lab) -> None:
    lab.introduce()
    listener = ends.listen("tcp://0.0.0.0:0", keys=lab.learner.directory)
    port = listener.endpoint.rpartition(":")[2]
    ends.meet(listener, ends.dial(f"tcp://127.0.0.1:{port}", keys=lab.robot.directory))


def test_an_unknown_host_is_told_the_command_that_lets_it_in(
    ends: Any, lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.robot.trust(lab.learner_pair.public)
    listener = ends.listen(keys=lab.learner.directory)
    ends.dial(listener.endpoint, keys=lab.robot.directory)
    digits = lab.robot_pair.public.key.hex()
    with caplog.at_level(logging.WARNING):
        assert f"handson keys authorise {digits} --host robot" in refused(ends)
    assert caplog.text.count(f"handson keys authorise {digits}") == 1
    assert listener.refused >= 1
    assert not ends.incoming


def test_a_host_that_was_just_authorised_needs_no_restart_of_the_learner(ends: Any, lab: Lab) -> None:
    lab.robot.trust(lab.learner_pair.public)
    listener = ends.listen(keys=lab.learner.directory)
    ends.dial(listener.endpoint, keys=lab.robot.directory)
    refused(ends)
    ends.dialers.pop().close(0.0)
    lab.introduce()
    ends.meet(listener, ends.dial(listener.endpoint, keys=lab.robot.directory))


def test_a_learner_with_another_key_is_not_believed(ends: Any, lab: Lab) -> None:
    lab.introduce()
    lab.robot.trust(lab.robot_pair.public)
    listener = ends.listen(keys=lab.learner.directory)
    ends.dial(listener.endpoint, keys=lab.robot.directory)
    assert "has another key than the one that this host trusts" in refused(ends)
    assert not ends.incoming


def test_the_learners_key_may_come_from_a_file(ends: Any, lab: Lab) -> None:
    lab.learner.authorise(lab.robot_pair.public)
    listener = ends.listen(keys=lab.learner.directory)
    with pytest.raises(ConfigError, match="handson keys trust"):
        ends.dial(listener.endpoint, keys=lab.robot.directory)
    key = lab.learner.directory / "lab.key"
    ends.meet(listener, ends.dial(listener.endpoint, keys=lab.robot.directory, learner_key=key))


def test_an_actor_without_keys_is_told_to_make_them(ends: Any, lab: Lab) -> None:
    listener = ends.listen(keys=lab.learner.directory)
    ends.dial(listener.endpoint)
    assert "lets in only known keys" in refused(ends)


def test_keys_against_a_learner_without_are_told(ends: Any, lab: Lab) -> None:
    lab.introduce()
    listener = ends.listen()
    ends.dial(listener.endpoint, keys=lab.robot.directory)
    assert "uses no keys" in refused(ends)


def test_what_a_learner_greets_with_tells_the_cause_when_no_event_does(ends: Any, lab: Lab) -> None:
    with_keys, without = ends.listen(keys=lab.learner.directory), ends.listen()
    assert handshake._mechanism(with_keys.endpoint) == b"CURVE"
    assert handshake._mechanism(without.endpoint) == b"NULL"


@pytest.fixture
def dead_end() -> Iterator[str]:
    """A port that accepts and hangs up, as a tunnel does while the learner behind it is not there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def hang_up() -> None:
            while not stop.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    pass

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join()


def test_a_tunnel_to_nowhere_is_waited_for(ends: Any, lab: Lab, dead_end: str) -> None:
    lab.introduce()
    dialer = ends.dial(dead_end, keys=lab.robot.directory)
    deadline = time.monotonic() + 1.5  # long enough for several connections
    while time.monotonic() < deadline:
        assert dialer.poll(0.05) == []


def test_hellos_of_strangers_never_arrive(ends: Any, lab: Lab, tmp_path: Path) -> None:
    lab.introduce()
    stranger = KeyStore(tmp_path / "stranger")
    stranger.make("stranger")
    stranger.trust(lab.learner_pair.public)
    listener = ends.listen(keys=lab.learner.directory)
    known = ends.dial(listener.endpoint, keys=lab.robot.directory)
    ends.meet(listener, known)
    ends.dial(listener.endpoint, ends.hello(actor_id="stranger"), keys=stranger.directory)
    refused(ends)
    assert {i.message.actor_id for i in ends.arrived(Hello)} == {"actor-0"}
