"""SERL's client against the gateway over real sockets: nothing lost, nothing doubled, nothing run."""

import os
import pickle
import re
import struct
import time

import lz4.frame
import numpy as np
import pytest
import zmq

from learner.agentlace.config import AgentlaceConfig
from learner.agentlace.reported import LONGEST_NAME, flat_numbers
from shared.agentlace import handshake
from shared.errors import ConfigError, LinkError
from shared.records import LostRecord
from shared.step import EpisodeKind, Source, Why

GOLDEN_REQUEST = bytes.fromhex(
    "04224d1868401d000000000000000e1c0000005280049512000100f0037d948c0474797065948c046861736894732e00000000"
)


def test_the_golden_request_is_answered_with_the_configuration(serve):
    served = serve()
    client = served.join()
    assert client.send_bytes(GOLDEN_REQUEST) == {"success": True, "payload": handshake(*served.gateway.ports)}


def test_transitions_become_steps_of_whole_episodes(serve, make_transition, wait_until):
    served = serve()
    client = served.join()
    assert client.last_id() == -1
    client.transitions = [make_transition(n, pixels=8, terminated=n < 10) for n in range(35)]
    assert client.update() == {"success": True}
    steps = served.records
    assert [record.sequence for record in steps] == list(range(34))  # the newest waits for its successor
    assert client.last_id() == 33
    assert [record.step.why for record in steps if record.step.last] == [
        Why.SUCCESS,
        Why.TIME_LIMIT,
        Why.TIME_LIMIT,
    ]
    assert [tuple(record.identity[2:]) for record in steps[8:12]] == [(0, 8), (0, 9), (10, 0), (10, 1)]
    last, sent = steps[19].step, client.transitions[19]
    assert last.truncated
    assert np.array_equal(last.observation["wrist_1"], sent["observations"]["wrist_1"][0])
    assert np.array_equal(last.final_observation["wrist_1"], sent["next_observations"]["wrist_1"][0])
    np.testing.assert_allclose(last.chosen_action, sent["actions"], rtol=1e-6)
    assert last.observation["state"].dtype == np.float32
    assert {record.kind for record in steps} == {EpisodeKind.TRAINING}
    served.gateway.close(5.0)
    assert served.records[-1].sequence == 34
    assert served.records[-1].step.truncated


def test_a_second_update_sends_only_what_is_missing(serve, make_transition):
    served = serve()
    client = served.join()
    for count in (0, 1, 2, 7, 30, 30, 61):
        client.transitions = [make_transition(n) for n in range(count)]
        assert client.update() == {"success": True}
    assert [record.sequence for record in served.records] == list(range(60))
    assert served.ingest.counters().lost == 0


def test_a_restarted_actor_loses_nothing(serve, make_transition):
    """agentlace drops as many transitions of the second actor as the first one sent."""
    served = serve()
    for _ in range(2):
        client = served.join()
        client.transitions = [make_transition(n, done=True) for n in range(20)]
        client.update()
        assert client.last_id() == 19
        client.close()
    assert len(served.records) == 40
    assert len({record.identity.incarnation for record in served.records}) == 2


def test_a_client_that_dials_anew_goes_on(serve, make_transition):
    served = serve()
    client = served.join()
    client.transitions = [make_transition(n) for n in range(15)]
    client.update()
    client.dial_anew()
    assert client.last_id() == 13
    client.transitions += [make_transition(n) for n in range(15, 25)]
    client.update()
    assert [record.sequence for record in served.records] == list(range(24))


def test_a_client_that_was_there_before_the_learner_goes_on(serve, make_transition):
    served = serve()
    client = served.join()
    client.transitions = [make_transition(n) for n in range(15)]
    client.update()
    served.gateway.close(5.0)  # the newest is stored as a last step
    served.open_gateway()
    client.ports = served.gateway.ports
    client.dial_anew()
    assert client.last_id() == 14
    client.transitions += [make_transition(n) for n in range(15, 25)]
    client.update()
    assert [record.sequence for record in served.records] == list(range(24))
    assert len({record.identity.incarnation for record in served.records}) == 1


def test_what_the_client_had_to_forget_counts_as_lost(serve, make_transition):
    served = serve()
    client = served.join()
    payload = {"data": [make_transition(n) for n in range(5)], "last_id": 4}
    client.send({"type": "datastore", "store_name": "actor_env", "payload": payload})
    payload = {"data": [make_transition(n) for n in range(12, 16)], "last_id": 15}
    assert client.send({"type": "datastore", "store_name": "actor_env", "payload": payload})["success"]
    lost = [record for record in served.records if isinstance(record, LostRecord)]
    assert [(record.sequence, record.count) for record in lost] == [(5, 7)]
    assert served.ingest.counters().received == 5 + 3
    assert served.records[4].step.truncated


def test_interventions_are_pinned_and_have_a_stream_of_their_own(serve, make_transition):
    served = serve()
    client = served.join("actor_env_intvn")
    client.transitions = [make_transition(n, done=True) for n in range(10)]
    client.update()
    assert {(r.kind, r.step.source, r.identity.actor_id) for r in served.records} == {
        (EpisodeKind.DEMO, Source.HUMAN, "agentlace-actor_env_intvn")
    }
    assert served.records[0].step.human_action is not None
    assert served.records[0].step.policy_action is None


def test_flat_states_and_penalties_are_understood(serve, make_transition):
    served = serve()
    client = served.join()
    data = [make_transition(n) for n in range(3)]
    for item in data:
        item["observations"] = item["observations"]["state"][0]
        item["next_observations"] = item["next_observations"]["state"][0]
        item["grasp_penalty"] = -0.5
    client.transitions = data
    assert client.update() == {"success": True}
    step = served.records[0].step
    assert set(step.observation) == {"state"}
    assert step.reward == -0.5
    assert step.reward_terms == {"reward": 0.0, "grasp_penalty": -0.5}


def refuse_once(monkeypatch, ingest, stored):
    """The next call of `admit` stores so many of its records and fails."""
    admit = ingest.admit

    def refuse(records):
        monkeypatch.setattr(ingest, "admit", admit)
        admit(list(records)[:stored])
        raise OSError("no space left")

    monkeypatch.setattr(ingest, "admit", refuse)


@pytest.mark.parametrize("stored", [0, 1, 7])
@pytest.mark.parametrize("known", [0, 5])
def test_what_could_not_be_stored_is_sent_again_and_stored_once(
    serve, make_transition, monkeypatch, stored, known
):
    served = serve()
    client = served.join()
    client.transitions = [make_transition(n) for n in range(known)]
    client.update()
    last_id = client.last_id()
    client.transitions += [make_transition(n) for n in range(known, 25)]
    refuse_once(monkeypatch, served.ingest, stored)
    assert not client.update()["success"]
    assert client.last_id() == last_id
    assert client.update() == {"success": True}
    served.gateway.close(5.0)
    assert [record.sequence for record in served.records] == list(range(25))
    assert [record.sequence for record in served.records if record.step.last] == [9, 19, 24]
    assert served.ingest.counters().lost == 0


def test_a_last_step_that_could_not_be_stored_waits_for_the_next_greeting(
    serve, make_transition, monkeypatch
):
    served = serve()
    client = served.join()
    client.transitions = [make_transition(n) for n in range(5)]
    client.update()
    refuse_once(monkeypatch, served.ingest, 0)
    assert not client.send({"type": "hash"})["success"]
    assert client.send({"type": "hash"})["success"]
    assert [record.sequence for record in served.records] == list(range(5))
    assert served.records[-1].step.truncated
    assert client.last_id() == -1


def test_statistics_reach_the_telemetry(serve):
    served = serve()
    client = served.join()
    assert client.stats({"timer": {"step": 0.25, "name": "x"}, "train": np.asarray({"loss": 0.5})}) == {}
    assert client.stats("nothing") == {}
    [(actor_id, stats)] = served.ingest.stats()
    assert actor_id == "agentlace-actor_env"
    assert stats.values == {"timer/step": 0.25, "train/loss": 0.5}


def test_names_of_statistics_do_not_grow_with_what_they_are_in():
    tree = {"a": 1.0}
    for _ in range(20):
        tree = {"x" * 1000: tree}
    assert flat_numbers(tree) == {"x" * LONGEST_NAME: 1.0}


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"type": "unknown"}, "Invalid type or payload"),
        ({}, "Invalid type or payload"),
        ("text", "Invalid type or payload"),
        ({"type": "datastore", "store_name": "other", "payload": {}}, "Invalid datastore name"),
        ({"type": "datastore", "store_name": "actor_env"}, "Invalid type or payload"),
        ({"type": "get_last_update_id", "payload": {"store_name": "other"}}, "Invalid datastore name"),
        ({"type": "get_last_update_id"}, "Invalid datastore name"),
    ],
)
def test_what_agentlace_refuses_is_refused_in_its_words(serve, message, answer):
    served = serve()
    assert served.join().send(message) == {"success": False, "message": answer}


def change(field, value):
    def make(transition):
        transition[field] = value
        return transition

    return make


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (change("actions", np.array([np.nan, 0, 0])), "not finite"),
        (change("actions", "left"), "no vector"),
        (change("rewards", None), "rewards that are not one finite number"),
        (change("observations", {"state": np.zeros((2, 4))}), r"\(S,\) or \(H, W, 3\)"),
        (change("observations", {"state": np.zeros((1, 5))}), "another world"),
        (change("observations", {"../state": np.zeros((1, 4))}), "name nothing"),
        (change("next_observations", {}), "0 entries"),
        (change("actions", np.zeros(2)), "its action has 2 elements"),
        (lambda transition: {"observations": 1}, "lacks actions"),
        (lambda transition: [transition], "is a list"),
    ],
)
def test_a_transition_of_another_world_is_refused_with_the_reason(serve, make_transition, spoil, why):
    served = serve()
    client = served.join()
    client.transitions = [make_transition(n) for n in range(5)]
    client.update()
    client.transitions.append(spoil(make_transition(5)))
    reply = client.update()
    assert not reply["success"]
    assert re.search(why, reply["message"]), reply
    assert client.last_id() == 3
    client.transitions[5] = make_transition(5)
    assert client.update() == {"success": True}


class Code:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


LAUGHS = b"}\x94" + b"".join(b"}\x94(K\x00h%cK\x01h%cu" % (n, n) for n in range(25))


def request(rest, kind):
    return lz4.frame.compress(b"\x80\x04}(X\x04\0\0\0type" + kind + rest + b"u.")


def hostile(canary):
    deep = b"\x80\x04)" + b"\x85" * 100_000 + b"."
    return [
        lz4.frame.compress(pickle.dumps(Code(canary))),
        lz4.frame.compress(
            pickle.dumps({"type": "datastore", "store_name": "actor_env", "payload": Code(canary)})
        ),
        lz4.frame.compress(deep),
        lz4.frame.compress(b"\x80\x04\x96" + struct.pack("<Q", 1 << 60) + b"."),
        b"\x04\x22\x4d\x18" + b"\xff" * 100,
        b"",
        os.urandom(1000),
        lz4.frame.compress(pickle.dumps({"type": {1: 2}, "payload": [[]]})),
        lz4.frame.compress(pickle.dumps({"type": np.zeros(3), "payload": 10**4000})),
        lz4.frame.compress(b"\x80\x04" + LAUGHS + b"."),
        request(b"X\x07\0\0\0payload" + LAUGHS, kind=b"X\x0a\0\0\0send-stats"),
        request(
            b"X\x0a\0\0\0store_nameX\x09\0\0\0actor_envX\x07\0\0\0payload}(X\x04\0\0\0data" + LAUGHS + b"u",
            kind=b"X\x09\0\0\0datastore",
        ),
        lz4.frame.compress(b"\x80\x04](" + b"N" * 1_900_000 + b"e."),
        lz4.frame.compress(b"\x80\x04" + b"N0" * 900_000 + b"N."),
        lz4.frame.compress(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 29) + bytes(1 << 29) + b"."),
        lz4.frame.compress(pickle.dumps({"type": "hash"})) + b"behind",
    ]


def test_hostile_messages_run_nothing_and_kill_nothing(serve, make_transition, tmp_path):
    served = serve()
    client, canary = served.join(), tmp_path / "canary"
    for message in hostile(canary)[:-1]:
        began = time.monotonic()
        assert client.send_bytes(message)["success"] is False
        print(f"{len(message)} bytes: {time.monotonic() - began:.2f} s")  # the client waits for 5 s at most
    client.send_bytes(hostile(canary)[-1])
    dealer = client.context.socket(zmq.DEALER)
    dealer.connect(f"tcp://127.0.0.1:{served.gateway.ports[0]}")
    dealer.send_multipart([b"no envelope", b"at", b"all", b"x"])
    dealer.close(linger=1000)
    assert not canary.exists()
    assert served.gateway.refused >= 6
    client.transitions = [make_transition(n) for n in range(5)]
    assert client.update() == {"success": True}
    assert len(served.records) == 4


@pytest.mark.parametrize("last_id", [10**9 + 1, 2**40, 2**62, 2**70])
def test_an_absurd_id_is_refused_and_leaves_no_record(serve, make_transition, last_id):
    """A record of so many lost ones would stay in the log, and end every learner that reads it."""
    served = serve()
    client = served.join()
    payload = {"data": [make_transition(n) for n in range(3)], "last_id": last_id}
    reply = client.send({"type": "datastore", "store_name": "actor_env", "payload": payload})
    assert reply["success"] is False
    assert "count transitions from 0" in reply["message"]
    assert served.records == []
    client.transitions = [make_transition(n) for n in range(5)]
    assert client.update() == {"success": True}


def test_others_may_connect_only_when_that_is_forced(serve):
    with pytest.raises(LinkError, match="no keys") as error:
        serve(agentlace_bind="0.0.0.0")
    assert "--agentlace-force" in error.value.cure
    assert serve(agentlace_bind="0.0.0.0", agentlace_force=True).gateway.ports[0]


def test_a_port_in_use_is_named(serve):
    ports = serve().gateway.ports
    with pytest.raises(LinkError, match="in use"):
        serve(agentlace=f"{ports[0]},0")


@pytest.mark.parametrize("text", ["5488", "5488,5488", "5488,70000", "a,b", "1,2,3"])
def test_ports_are_a_pair(text):
    with pytest.raises(ConfigError, match="5488,5489 for SERL"):
        AgentlaceConfig(agentlace=text)


@pytest.mark.parametrize("stores", [("a", "a"), ("/x",), ("x" * 60,)])
def test_stores_have_names(stores):
    with pytest.raises(ConfigError):
        AgentlaceConfig(agentlace_stores=stores)
