"""Disk, keys, port and packages of this computer."""

import socket
from pathlib import Path
from typing import Any

import pytest

from deploy.check.disk import space, speed
from deploy.check.key_files import keys
from deploy.check.packages import packages, pinned, python
from deploy.check.port import port
from shared.clock import ManualClock, SystemClock
from shared.errors import ConfigError
from shared.link.keys import KeyStore, read_public_key


class Slow(ManualClock):
    """Each look at it takes a second."""

    def now(self) -> float:
        self.advance(1.0)
        return super().now()


@pytest.mark.parametrize(("free", "status"), [(1e9, "fail"), (10e9, "warn"), (100e9, "ok")])
def test_room_for_runs(tmp_path: Path, free: float, status: str):
    outcome = space(tmp_path / "runs", free)
    assert outcome.status == status
    assert bool(outcome.cure) == (status != "ok")


def test_a_run_directory_need_not_be_there_yet(tmp_path: Path):
    assert space(tmp_path / "a" / "b").status in ("ok", "warn", "fail")
    assert speed(tmp_path / "a" / "b", 1.0, SystemClock()).status == "ok"
    assert not list(tmp_path.iterdir())


def test_a_slow_disk_is_told(tmp_path: Path):
    outcome = speed(tmp_path, 40e6, Slow())
    assert outcome.status == "warn"
    assert "34 MB/s" in outcome.detail
    assert speed(tmp_path, 30e6, Slow()).status == "ok"


def test_keys_are_needed_between_two_computers(tmp_path: Path):
    assert keys(None, listens=False, dials=False).status == "skip"
    assert "handson keys make" in keys(None, listens=True, dials=False).cure
    with pytest.raises(ConfigError, match="no pair"):
        keys(tmp_path / "none", listens=True, dials=False)


def test_keys_of_both_ends(tmp_path: Path):
    lab, robot = KeyStore(tmp_path / "lab"), KeyStore(tmp_path / "robot")
    for store in (lab, robot):
        store.make(store.directory.name)
    lonely = keys(lab.directory, listens=True, dials=False)
    assert lonely.status == "fail"
    assert "authorise" in lonely.cure
    with pytest.raises(ConfigError, match="no key of the learner"):
        keys(robot.directory, listens=False, dials=True)
    lab.authorise(read_public_key(robot.directory / "robot.key"))
    robot.trust(read_public_key(lab.directory / "lab.key"))
    assert keys(lab.directory, listens=True, dials=False).detail == "this computer is lab; lets in robot"
    assert keys(robot.directory, listens=False, dials=True).detail == "this computer is robot; trusts lab"


def test_a_port_that_is_taken_is_told(free_port: Any):
    number = free_port()
    address = f"tcp://127.0.0.1:{number}"
    assert port(address).status == "ok"
    with socket.create_server(("127.0.0.1", number)):
        outcome = port(address)
    assert outcome.status == "fail"
    assert f"sport = :{number}" in outcome.cure


def test_an_address_of_another_computer_cannot_be_bound():
    outcome = port("tcp://192.0.2.1:5555")
    assert outcome.status == "fail"
    assert "ip addr" in outcome.cure


def test_pythons():
    assert python((3, 12)).status == "ok"
    for version in ((3, 10), (3, 14)):
        assert python(version).cure


def test_what_is_installed_is_held_against_the_lock(tmp_path: Path):
    assert packages({"actor"}, "actor").status == "ok"
    lock = tmp_path / "lock"
    lock.write_text("numpy==1.0 ; python_version < '3.12' \\\n    --hash=sha256:00\nnumpy==1.1\n")
    assert pinned(lock) == {"numpy": {"1.0", "1.1"}}
    outcome = packages({"actor"}, "actor", lock)
    assert outcome.status == "warn"
    assert "1.0 or 1.1 was tested" in outcome.detail
    assert outcome.cure == "make install ROLE=actor"


def test_what_is_missing_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "deploy.check.packages._version", lambda name: None if name == "franky-control" else "1"
    )
    outcome = packages({"robot", "fr3"}, "robot")
    assert outcome.status == "fail"
    assert "franky-control" in outcome.detail
    assert outcome.cure == "make install ROLE=robot WITH=fr3"
