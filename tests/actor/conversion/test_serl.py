"""Pickles of SERL and HIL-SERL: every value arrives, every end means what it meant, nothing is executed."""

import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor import demo
from actor.conversion.account import Account
from actor.conversion.found import ReadingConfig
from actor.conversion.serl import open_serl
from shared.errors import ConfigError
from shared.step import EpisodeKind, Source, Why
from tests.actor.conversion.conftest import observed, trajectory, written

RATE = ("--control-hz", "10")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_every_value_of_a_pickle_arrives(tmp_path, imports, rng, capsys):
    episodes = [trajectory(rng, length) for length in (3, 1, 5)]
    path = written(tmp_path / "peg_20_demos.pkl", [item for episode in episodes for item in episode])
    status, interface, imported = imports(path, *RATE)
    assert status == 0
    assert [(e.name, e.shape, e.dtype) for e in interface.observations] == [
        ("state", (19,), "float32"),
        ("wrist_1", (8, 8, 3), "uint8"),
        ("wrist_2", (8, 8, 3), "uint8"),
    ]
    assert (interface.action_size, interface.control_hz) == (7, 10.0)
    assert [len(episode.steps) for episode in imported] == [3, 1, 5]
    for episode, transitions in zip(imported, episodes, strict=True):
        assert (episode.kind, episode.complete) == (EpisodeKind.DEMO, True)
        for record, item in zip(episode.steps, transitions, strict=True):
            step = record.step
            for name, seen in item["observations"].items():
                np.testing.assert_array_equal(
                    step.observation[name], seen[0].astype(step.observation[name].dtype)
                )
            np.testing.assert_array_equal(step.chosen_action, item["actions"].astype(np.float32))
            assert step.reward == item["rewards"]
            assert step.source is Source.HUMAN
        last = episode.steps[-1].step
        assert (last.terminated, last.truncated, last.why) == (True, False, Why.SUCCESS)
        for name, seen in transitions[-1]["next_observations"].items():
            np.testing.assert_array_equal(
                last.final_observation[name], seen[0].astype(last.observation[name].dtype)
            )
    told = json.loads((tmp_path / "out" / "import.json").read_text())
    assert (told["episodes"], told["steps"], told["format"]) == (3, 9, "serl")
    assert told["account"]["last steps"] == {"mask 0 and a reward: terminated, success": 3}
    assert "terminated, success" in capsys.readouterr().out


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0]), st.booleans()),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_episodes_and_their_ends_are_those_of_the_masks(tmp_path_factory, episodes, hil, seed):
    rng = np.random.default_rng(seed)
    parts = [
        trajectory(rng, length, reward=reward, mask=mask, hil=hil, observe=lambda r: observed(r, pixels=2))
        for length, reward, mask, _ in episodes
    ]
    path = written(tmp_path_factory.mktemp("serl") / "a.pkl", [item for part in parts for item in part])
    found = list(open_serl(path, ReadingConfig(control_hz=10.0), Account()).episodes)
    assert [len(episode.steps) for episode in found] == [len(part) for part in parts]
    for episode, (_, reward, mask, _), part in zip(found, episodes, parts, strict=True):
        last = episode.steps[-1]
        assert last.terminated == (mask == 0 and reward > 0)
        assert last.truncated != last.terminated
        assert last.final_observation is not None
        assert not any(step.last for step in episode.steps[:-1])
        for step, item in zip(episode.steps, part, strict=True):
            penalty = item.get("infos", {}).get("grasp_penalty", 0.0)
            assert step.reward == pytest.approx(float(item["rewards"]) + penalty)


def test_hil_serl_keeps_interventions_and_penalties_and_says_what_it_left_out(tmp_path, imports, rng):
    path = written(tmp_path / "usb.pkl", trajectory(rng, 4, hil=True))
    _, _, [episode] = imports(path, *RATE, "--format", "hil_serl", "--driver", "policy")
    sources = [record.step.source for record in episode.steps]
    assert sources == [Source.POLICY, Source.HUMAN, Source.POLICY, Source.HUMAN]
    assert episode.steps[1].step.reward_terms == {"reward": 0.0, "grasp_penalty": -0.02}
    np.testing.assert_array_equal(episode.steps[1].step.human_action, episode.steps[1].step.chosen_action)
    account = json.loads((tmp_path / "out" / "import.json").read_text())["account"]
    assert account["left out"] == {
        "infos['left']: not understood": 4,
        "infos['original_state_obs']: not understood": 4,
    }


def test_an_end_without_reward_is_a_time_limit_unless_told_otherwise(tmp_path, imports, rng):
    path = written(tmp_path / "a.pkl", trajectory(rng, 3, reward=0.0, mask=0.0))
    _, _, [episode] = imports(path, *RATE)
    assert episode.steps[-1].step.why is Why.TIME_LIMIT
    _, _, [episode] = imports(path, *RATE, "--unrewarded-end", "failure", out="other")
    assert (episode.steps[-1].step.why, episode.steps[-1].step.terminated) == (Why.FAILURE, True)


def test_a_directory_is_read_in_the_order_of_its_numbers(tmp_path, imports, rng):
    whole = trajectory(rng, 6)
    written(tmp_path / "buffer" / "transitions_1000.pkl", whole[2:])
    written(tmp_path / "buffer" / "transitions_200.pkl", whole[:2])
    _, _, [episode] = imports(tmp_path / "buffer", *RATE)
    assert len(episode.steps) == 6


def test_parts_of_episodes_are_cut_where_asked(tmp_path, imports, rng):
    whole = trajectory(rng, 9)
    path = written(tmp_path / "demo_buffer.pkl", whole[1:4] + whole[6:9])
    with pytest.raises(ConfigError, match="cut-at-jumps"):
        imports(path, *RATE)
    _, _, episodes = imports(path, *RATE, "--cut-at-jumps")
    assert [len(episode.steps) for episode in episodes] == [3, 3]
    assert episodes[0].steps[-1].step.truncated
    np.testing.assert_array_equal(
        episodes[0].steps[-1].step.final_observation["wrist_1"], whole[3]["next_observations"]["wrist_1"][0]
    )


def spoilt(rng, kind):
    transitions = trajectory(rng, 5)
    match kind:
        case "state":
            transitions[2]["observations"]["state"] = np.full((1, 19), np.nan)
            transitions[1]["next_observations"] = transitions[2]["observations"]
        case "action":
            transitions[2]["actions"] = np.full(7, 1.5)
        case "not finite":
            transitions[2]["actions"] = np.full(7, np.inf)
        case "black":
            transitions[2]["observations"]["wrist_2"] = np.zeros((1, 8, 8, 3), np.uint8)
            transitions[1]["next_observations"] = transitions[2]["observations"]
        case "pictures":
            transitions[2]["observations"] = transitions[2]["observations"] | {
                "wrist_1": transitions[4]["observations"]["wrist_1"]
            }
        case "shape":
            transitions[2]["observations"] = observed(rng, pixels=9)
        case "field":
            del transitions[2]["next_observations"]
    return transitions


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("state", "not finite"),
        ("action", "beyond"),
        ("not finite", "not finite"),
        ("black", "black throughout"),
        ("pictures", "out of step"),
        ("shape", "another world"),
        ("field", "lacks next_observations"),
    ],
)
def test_what_is_silently_wrong_is_refused_and_leaves_nothing(tmp_path, rng, kind, said):
    path = written(tmp_path / "a.pkl", spoilt(rng, kind))
    with pytest.raises(ConfigError) as refused:
        demo.main(["import", str(path), *RATE, "--out", str(tmp_path / "out")])
    assert said in str(refused.value)
    assert not list((tmp_path / "out").glob("*.mcap"))


def test_bad_episodes_can_be_left_out_and_actions_clipped(tmp_path, imports, rng):
    path = written(tmp_path / "a.pkl", trajectory(rng, 3) + spoilt(rng, "action") + trajectory(rng, 2))
    _, _, episodes = imports(path, *RATE, "--skip-bad")
    assert [len(episode.steps) for episode in episodes] == [3, 2]
    _, _, episodes = imports(path, *RATE, "--clip-actions", out="clipped")
    assert [len(episode.steps) for episode in episodes] == [3, 5, 2]
    assert episodes[1].steps[2].step.chosen_action.tolist() == [1.0] * 7


def test_a_rate_is_asked_for(tmp_path, rng):
    path = written(tmp_path / "a.pkl", trajectory(rng, 2))
    with pytest.raises(ConfigError, match="give --control-hz"):
        demo.main(["import", str(path), "--out", str(tmp_path / "out")])


class Hostile:
    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("place", ["alone", "an observation", "infos"])
@pytest.mark.parametrize("function", [os.system, eval, exec, __import__], ids=lambda f: f.__name__)
def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path, rng, function, place):
    witness = tmp_path / "witness"
    commands = {
        os.system: f"touch {witness}",
        __import__: "antigravity",
    }
    bomb = Hostile(function, commands.get(function, f"open({str(witness)!r}, 'w')"))
    transitions = trajectory(rng, 2, hil=True)
    match place:
        case "alone":
            transitions = bomb
        case "an observation":
            transitions[1]["observations"]["state"] = bomb
        case "infos":
            transitions[1]["infos"]["bomb"] = bomb
    path = written(tmp_path / "a.pkl", transitions)
    with pytest.raises(ConfigError, match="nothing was executed"):
        demo.main(["import", str(path), *RATE, "--out", str(tmp_path / "out")])
    assert not witness.exists()


class AnyClass:
    pass


def test_objects_of_any_class_are_refused(tmp_path, rng):
    transitions = trajectory(rng, 2, hil=True)
    transitions[0]["infos"]["thing"] = AnyClass()
    path = written(tmp_path / "a.pkl", transitions)
    with pytest.raises(ConfigError, match="AnyClass; nothing was executed"):
        demo.main(["import", str(path), *RATE, "--out", str(tmp_path / "out")])


def test_what_is_no_list_of_transitions_is_refused(tmp_path):
    path = tmp_path / "a.pkl"
    for content in ({}, [1, 2], [], [[]]):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(ConfigError, match="list of transitions"):
            demo.main(["import", str(path), *RATE, "--out", str(tmp_path / "out")])
