"""Steps of a file in the interface of another: the same fingerprint, or a refusal that says what lacks."""

import shutil

import cv2
import numpy as np
import pytest

from actor import demo
from actor.conversion import exporting
from shared.errors import ConfigError
from shared.step import Why
from tests.actor.conversion.conftest import observed, trajectory, written
from tests.actor.conversion.test_lerobot import SIMPLE, Maker, recorded, world

RATE = ("--control-hz", "10")


@pytest.fixture
def anybodys(tmp_path):
    """A LeRobot data set without what only we know, the file it was made of, and its records."""
    interface = world(("front/image",))
    records = Maker(interface, 4).records(0, SIMPLE)
    recorded(tmp_path / "demos.mcap", interface, records)
    exporting.main([str(tmp_path / "demos.mcap"), "--out", str(tmp_path / "data")])
    shutil.rmtree(tmp_path / "data" / "handson")
    return tmp_path / "data", tmp_path / "demos.mcap", records


def test_like_an_episode_file_gives_its_interface(anybodys, imports):
    data, like, records = anybodys
    rules = ("--map", "arm/tcp_position_base_m=state[0:3]", "gripper/width_m=state[3:4]")
    _, interface, [episode] = imports(data, "--like", like, *rules)
    assert interface == world(("front/image",))
    for before, after in zip(records, episode.steps, strict=True):
        for name, value in before.step.observation.items():
            np.testing.assert_array_equal(after.step.observation[name], value)
        np.testing.assert_array_equal(after.step.chosen_action, before.step.chosen_action)
    assert episode.steps[-1].step.why is Why.SUCCESS


def test_what_is_missing_is_asked_for_by_name(anybodys, tmp_path):
    data, like, _ = anybodys
    with pytest.raises(ConfigError, match="arm/tcp_position_base_m, gripper/width_m"):
        demo.main(["import", str(data), "--like", str(like), "--out", str(tmp_path / "out")])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("front=wrist_3", "no 'wrist_3'"),
        ("front=wrist_1[0:3]", "no part"),
        ("x=state[4:40]", "no part"),
        ("x", "is no rule"),
        ("x=state[a:b]", "is no rule"),
    ],
)
def test_rules_that_make_no_sense_are_refused(tmp_path, rule, said, capsys):
    path = written(tmp_path / "a.pkl", trajectory(np.random.default_rng(0), 2))
    with pytest.raises((ConfigError, SystemExit)) as refused:
        demo.main(["import", str(path), *RATE, "--map", rule, "--out", str(tmp_path / "out")])
    assert said in str(refused.value) + capsys.readouterr().err


def test_actions_are_scaled_from_their_bounds(tmp_path, imports):
    transitions = trajectory(np.random.default_rng(0), 3, actions=2)
    for item, action in zip(transitions, ([0.0, -1.0], [1.0, 1.0], [2.0, 0.0]), strict=True):
        item["actions"] = np.array(action)
    path = written(tmp_path / "a.pkl", transitions)
    bounds = ("--action-low", 0, -1, "--action-high", 2, 1)
    _, interface, [episode] = imports(path, *RATE, *bounds)
    assert [record.step.chosen_action.tolist() for record in episode.steps] == [[-1, -1], [0, 1], [1, 0]]
    assert (interface.actions[0].low, interface.actions[0].high) == ((0.0, -1.0), (2.0, 1.0))
    with pytest.raises(ConfigError, match="2 elements, and 1 bounds"):
        imports(path, *RATE, "--action-low", 0, "--action-high", 2, out="other")


def test_channels_are_swapped_where_asked(tmp_path, imports):
    transitions = trajectory(np.random.default_rng(0), 2, observe=lambda rng: observed(rng, pixels=5))
    path = written(tmp_path / "a.pkl", transitions)
    _, _, [episode] = imports(path, *RATE, "--bgr")
    seen = transitions[0]["observations"]["wrist_1"][0]
    np.testing.assert_array_equal(
        episode.steps[0].step.observation["wrist_1"], cv2.cvtColor(seen, cv2.COLOR_BGR2RGB)
    )
