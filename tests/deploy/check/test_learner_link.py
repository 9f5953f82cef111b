"""The way to a learner, measured against the learner's own end of the link."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.check.bench import Bench
from deploy.check.config import CheckConfig
from deploy.check.learner_link import judge, learner
from learner.ingest import Ingest
from learner.ratio import RatioConfig
from robot_env.lab import Lab
from robot_env.tasks.reach import Reach
from shared.errors import LinkError, Refused
from shared.link.keys import KeyStore, read_public_key
from shared.link.listener import ListenerConfig

Learner = Callable[..., Ingest]


def no_log(*_: Any) -> Any:
    raise AssertionError("a check is no actor: it must not make the learner open its log")


@pytest.fixture
def ingest() -> Iterator[Learner]:
    """`ingest(**settings)`: what listens in a learner, on a free port."""
    started: list[Ingest] = []

    def start(**settings: Any) -> Ingest:
        config = ListenerConfig(bind="tcp://127.0.0.1:0", **settings)
        started.append(Ingest(config, RatioConfig(), incarnation="l", open_log=no_log))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.close(5.0)


def bench(**settings: Any) -> Bench:
    return Bench(config=CheckConfig(**settings), lab=Lab(), task=Reach())


def test_the_way_is_measured_and_the_learner_does_not_take_it_for_an_actor(ingest: Learner):
    one = ingest()
    outcome = learner(bench(connect=one.endpoint))
    assert outcome.status == "ok", outcome
    assert "round trip" in outcome.detail
    assert "MB/s" in outcome.detail
    assert "its clock is " in outcome.detail
    one.check()
    assert one.actors() == ()
    assert not one.deserted
    assert one.wait_for_interface(0.0) is None
    assert one.malformed == 0


def test_a_host_that_accepts_and_stays_silent_does_not_hang_the_check(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy.check.learner_link.ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(LinkError, match="no learner answers") as error:
            learner(bench(connect=address))
    assert "handson learner" in error.value.cure


@pytest.fixture
def stores(tmp_path: Path) -> tuple[KeyStore, KeyStore]:
    lab, robot = KeyStore(tmp_path / "lab"), KeyStore(tmp_path / "robot")
    for store in (lab, robot):
        store.make(store.directory.name)
    robot.trust(read_public_key(lab.directory / "lab.key"))
    return lab, robot


def test_keys_that_fit_let_the_check_in(ingest: Learner, stores: tuple[KeyStore, KeyStore]):
    lab, robot = stores
    lab.authorise(read_public_key(robot.directory / "robot.key"))
    one = ingest(keys=lab.directory)
    assert learner(bench(connect=one.endpoint, keys=robot.directory)).status == "ok"


def test_a_key_that_the_learner_does_not_know_is_the_cause(
    ingest: Learner, stores: tuple[KeyStore, KeyStore]
):
    lab, robot = stores
    one = ingest(keys=lab.directory)
    with pytest.raises(Refused, match="does not know the key") as refused:
        learner(bench(connect=one.endpoint, keys=robot.directory))
    assert "handson keys authorise" in refused.value.cure


def test_no_keys_where_they_are_needed_is_the_cause(ingest: Learner, stores: tuple[KeyStore, KeyStore]):
    one = ingest(keys=stores[0].directory)
    with pytest.raises(LinkError, match="lets in only known keys"):
        learner(bench(connect=one.endpoint))


def test_keys_where_none_are_used_is_the_cause(ingest: Learner, stores: tuple[KeyStore, KeyStore]):
    one = ingest()
    with pytest.raises(LinkError, match="uses no keys"):
        learner(bench(connect=one.endpoint, keys=stores[1].directory))


@pytest.mark.parametrize(
    ("trips", "rate", "need", "status"),
    [
        ([0.001] * 3, 100e6, 1e6, "ok"),
        ([0.001] * 3, 1.5e6, 1e6, "warn"),
        ([0.2] * 3, 100e6, 1e6, "warn"),
        ([0.001, 0.001, 0.5], 100e6, 1e6, "ok"),
    ],
)
def test_judging_the_way(trips: list[float], rate: float, need: float, status: str):
    outcome = judge(trips, rate, need)
    assert outcome.status == status
    assert bool(outcome.cure) == (status != "ok")


@pytest.mark.parametrize(("offset", "status"), [(0.4, "ok"), (-0.4, "ok"), (0.6, "warn"), (-90.0, "warn")])
def test_a_learner_whose_clock_is_another_is_told(offset: float, status: str):
    outcome = judge([0.001] * 3, 1e8, 1e6, offset)
    assert outcome.status == status
    assert f"{1000 * offset:+.1f} ms from ours" in outcome.detail
