"""Our actor's uplink against a SERL learner over real sockets: nothing lost, nothing doubled."""

import functools
import pickle
from collections.abc import Iterator
from contextlib import closing

import jax
import lz4.frame
import numpy as np
import pytest

from actor.agentlace.config import JoinConfig
from actor.agentlace.session import AgentlaceSession
from actor.policy_feed import PolicyFeed
from actor.policy_runner import PolicyRunner
from actor.trunks import Trunks
from actor.uplink import Uplink
from shared.clock import SystemClock
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.serl_tree import serl_tree
from shared.policy.spec import PolicyConfig, PolicySpec
from shared.step import EpisodeKind, Source, Step, Why

INTERFACE = InterfaceSpec(
    name="walk",
    observations=(ObservationEntry(name="state", shape=(3,), dtype="float32"),),
    actions=(ActionEntry(name="action", low=(-1.0,) * 2, high=(1.0,) * 2, unit="1"),),
    control_hz=10.0,
)


class Joined:
    """One life of an actor that has joined."""

    def __init__(self, directory, server, incarnation="life", **settings):
        self.uplink = Uplink(directory, "actor-0", incarnation, INTERFACE)
        self.feed = PolicyFeed(INTERFACE)
        address = f"127.0.0.1:{server.ports[0]},{server.ports[1]}"
        self.session = AgentlaceSession(
            JoinConfig(agentlace=address, **settings),
            INTERFACE,
            self.uplink,
            self.feed,
            Trunks(directory / "trunks"),
            SystemClock(),
        )
        self.session.start()
        self.made = 0

    def practise(self, episode, length, source=Source.POLICY):
        for number in range(length):
            last = number == length - 1
            step = Step(
                observation={"state": np.full(3, self.made, np.float32)},
                chosen_action=np.zeros(2, np.float32),
                executed_command=np.zeros(2, np.float32),
                source=source,
                reward=float(last),
                terminated=last,
                why=Why.SUCCESS if last else None,
                final_observation={"state": np.full(3, self.made + 1, np.float32)} if last else None,
            )
            self.uplink.put(step, episode, number, EpisodeKind.TRAINING)
            self.made += 1

    def close(self):
        self.session.close(10.0)
        self.uplink.close(10.0)


@pytest.fixture
def join(tmp_path, serl_learner) -> Iterator:
    joined: list[Joined] = []

    def make(server, **settings):
        joined.append(Joined(tmp_path, server, **settings))
        return joined[-1]

    yield make
    for each in joined:
        each.close()


def shown(transitions) -> list[tuple[int, int]]:
    return [(int(t["observations"][0]), int(t["next_observations"][0])) for t in transitions]


def test_every_step_arrives_once_and_the_spool_empties(join, serl_learner):
    server = serl_learner()
    actor = join(server)
    for episode in range(5):
        actor.practise(episode, 20)
    assert actor.session.goodbye(60.0) is not None
    assert shown(server.stored["actor_env"]) == [(n, n + 1) for n in range(100)]
    assert server.last_ids["actor_env"] == 99
    assert [t["masks"] for t in server.stored["actor_env"]].count(0.0) == 5


def test_what_a_person_drove_goes_to_both_stores(join, serl_learner):
    server = serl_learner(("actor_env", "actor_env_intvn"))
    actor = join(server, agentlace_intervention_store="actor_env_intvn")
    actor.practise(0, 4)
    actor.practise(1, 3, Source.HUMAN)
    assert actor.session.goodbye(60.0) is not None
    assert shown(server.stored["actor_env"]) == [(n, n + 1) for n in range(7)]
    assert shown(server.stored["actor_env_intvn"]) == [(n, n + 1) for n in range(4, 7)]


def test_a_lost_answer_doubles_nothing(join, serl_learner, wait_until):
    server = serl_learner()
    server.swallow = 2
    actor = join(server)
    actor.practise(0, 30)
    assert actor.session.goodbye(60.0) is not None
    actor.practise(1, 30)
    assert actor.session.goodbye(60.0) is not None
    assert server.swallow == 0
    assert shown(server.stored["actor_env"]) == [(n, n + 1) for n in range(60)]


def test_a_learner_that_restarts_gets_what_is_missing_and_steps_wait_meanwhile(
    join, serl_learner, wait_until
):
    server = serl_learner()
    actor = join(server)
    actor.practise(0, 10)
    assert actor.session.goodbye(60.0) is not None
    server.close()
    actor.practise(1, 10)
    wait_until(lambda: not actor.session.connected, 30.0)
    again = serl_learner(ports=server.ports)
    assert actor.session.goodbye(60.0) is not None
    assert shown(again.stored["actor_env"]) == [(n, n + 1) for n in range(10, 20)]


def test_what_one_life_could_not_send_the_next_one_does(join, serl_learner, tmp_path):
    server = serl_learner()
    server.close()
    first = join(server, incarnation="0001")
    first.practise(0, 15)
    first.close()
    again = serl_learner(ports=server.ports)
    second = join(again, incarnation="0002")
    assert second.session.welcomed(30.0)
    assert second.session.goodbye(60.0) is not None
    assert shown(again.stored["actor_env"]) == [(n, n + 1) for n in range(15)]


SPEC = PolicySpec.of(PolicyConfig(hidden=(8, 8), inputs="plain"), INTERFACE)
OBSERVATION = {"state": np.array([0.3, -1.0, 2.0], np.float32)}


@functools.cache
def parameters():
    return jax.jit(GaussianPolicy(SPEC).init)(jax.random.key(0), OBSERVATION)["params"]


def policy_tree():
    return jax.tree.map(np.asarray, serl_tree(flatten(parameters()), SPEC))


def test_its_policy_acts_here(join, serl_learner, wait_until):
    server = serl_learner()
    actor = join(server)
    assert actor.session.welcomed(30.0)
    tree = policy_tree() | {"modules_critic": {"Dense_0": {"kernel": np.zeros((3, 3))}}}

    def heard():
        server.broadcast(tree)
        return actor.feed.newest() is not None

    wait_until(heard, 30.0)
    runner = PolicyRunner(INTERFACE, seed=0)
    runner.load(actor.feed.newest())
    expected = np.tanh(GaussianPolicy(SPEC).distribution(parameters(), OBSERVATION).mean)
    np.testing.assert_allclose(runner.act(OBSERVATION, greedy=True), expected, rtol=1e-5, atol=1e-6)


def compressed(program: bytes) -> bytes:
    return lz4.frame.compress(b"\x80\x04" + program)


LAUGHS = b"}\x94" + b"".join(b"}\x94(K\x00h%cK\x01h%cu" % (n, n) for n in range(25))
HOSTILE = [
    b"",
    b"no frame",
    compressed(b"cos\nsystem\nX\x04\0\0\0true\x85R."),
    compressed(LAUGHS + b"."),
    compressed(b"}X\x0d\0\0\0modules_actor" + LAUGHS + b"s."),
    compressed(b")" + b"\x85" * 100_000 + b"."),
    compressed(b"](" + b"N" * 1_900_000 + b"e."),
    compressed(b"\x8e" + (1 << 29).to_bytes(8, "little") + bytes(1 << 29) + b"."),
    lz4.frame.compress(pickle.dumps({"modules_actor": {"network": np.zeros(())}})),
    lz4.frame.compress(pickle.dumps({"modules_actor": {"x" * 1000: "x"}})),
    lz4.frame.compress(pickle.dumps({"success": True, "payload": 10**4000})),
]


def test_no_broadcast_ends_an_actor_and_the_next_policy_acts(join, serl_learner, wait_until):
    server = serl_learner()
    actor = join(server)
    assert actor.session.welcomed(30.0)
    policies = actor.session._policies
    for frame in HOSTILE:
        before = policies.refused

        def refused(frame=frame, before=before):
            server.broadcast_bytes(frame)
            return policies.refused > before

        wait_until(refused, 20.0)
    tree = policy_tree()

    def heard():
        server.broadcast(tree)
        return actor.feed.newest() is not None

    wait_until(heard, 30.0)
    assert actor.session.stop_requested is None


def test_no_answer_ends_an_actor_that_was_welcomed(join, serl_learner, wait_until, monkeypatch):
    monkeypatch.setattr("actor.agentlace.session.RETRY_SECONDS", 0.01)
    server = serl_learner()
    actor = join(server)
    assert actor.session.welcomed(30.0)
    server.spoiled = list(HOSTILE)
    actor.practise(0, 20)
    assert actor.session.goodbye(60.0) is not None
    wait_until(lambda: server.spoiled == [], 30.0)
    assert shown(server.stored["actor_env"]) == [(n, n + 1) for n in range(20)]


def test_numbers_are_reported(join, serl_learner, wait_until):
    server = serl_learner()
    actor = join(server)
    actor.session.stats(7, {"success": 1.0})
    wait_until(lambda: server.reports, 30.0)
    assert server.reports[0] == {"actor": {"success": 1.0}, "env_steps": 7}


@pytest.mark.parametrize(
    ("version", "store", "why"), [("9", "actor_env", "'9'"), ("0.0.2", "x", "no store 'x'")]
)
def test_a_learner_that_does_not_fit_is_refused(join, serl_learner, version, store, why):
    server = serl_learner()
    server.version = version
    actor = join(server, agentlace_store=store)
    with pytest.raises(ConfigError, match=why):
        actor.session.welcomed(30.0)


@pytest.mark.parametrize("address", ["5488,5489", "host:5488", "host:1,2,3", ":5488,5489", "host:0,0"])
def test_an_address_is_a_host_and_two_ports(address):
    with pytest.raises(ConfigError, match="5488,5489"):
        JoinConfig(agentlace=address)


def test_close_is_harmless_without_a_learner(tmp_path, serl_learner):
    server = serl_learner()
    server.close()
    with closing(Joined(tmp_path, server)) as actor:
        assert not actor.session.welcomed(0.1)
        assert actor.session.stop_requested is None
