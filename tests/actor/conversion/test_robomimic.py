"""robomimic's HDF5, made here in its layout: every value arrives, ends mean what they meant."""

import json

import h5py
import numpy as np
import pytest

from actor import demo
from shared.errors import ConfigError
from shared.step import Why


def demonstration(rng, length):
    """Observations of one more step than there are actions."""
    return {
        "robot0_eef_pos": rng.normal(size=(length + 1, 3)),
        "robot0_gripper_qpos": rng.normal(size=(length + 1, 2)),
        "agentview_image": rng.integers(1, 256, (length + 1, 8, 8, 3), np.uint8),
    }


def write(path, lengths=(4, 6), *, following=True, rewards=None, dones=None, spoil=lambda file: None):
    rng = np.random.default_rng(0)
    kept = []
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "env_kwargs": {"control_freq": 20}})
        data.attrs["total"] = sum(lengths)
        for number, length in enumerate(lengths):
            seen, actions = demonstration(rng, length), rng.uniform(-1, 1, (length, 7))
            group = data.create_group(f"demo_{number * 5}")
            group.attrs["num_samples"] = length
            ends = np.eye(length)[-1]
            group["actions"], group["states"] = actions, rng.normal(size=(length, 30))
            group["rewards"] = ends if rewards is None else rewards
            group["dones"] = ends if dones is None else dones
            for name, column in seen.items():
                group[f"obs/{name}"] = column[:-1]
                if following:
                    group[f"next_obs/{name}"] = column[1:]
            kept.append((seen, actions))
        file["mask/train"] = np.array([b"demo_5"])
        spoil(file)
    return kept


def test_every_value_arrives(tmp_path, imports):
    kept = write(tmp_path / "lift.hdf5")
    _, interface, episodes = imports(tmp_path / "lift.hdf5")
    assert interface.control_hz == 20.0
    assert [(e.name, e.shape) for e in interface.observations] == [
        ("agentview_image", (8, 8, 3)),
        ("robot0_eef_pos", (3,)),
        ("robot0_gripper_qpos", (2,)),
    ]
    assert [len(episode.steps) for episode in episodes] == [4, 6]
    for episode, (seen, actions) in zip(episodes, kept, strict=True):
        for number, record in enumerate(episode.steps):
            step = record.step
            np.testing.assert_array_equal(step.chosen_action, actions[number].astype(np.float32))
            for name, column in seen.items():
                np.testing.assert_array_equal(
                    step.observation[name], column[number].astype(step.observation[name].dtype)
                )
        assert (step.why, step.reward, step.terminated) == (Why.SUCCESS, 1.0, True)
        np.testing.assert_array_equal(step.final_observation["agentview_image"], seen["agentview_image"][-1])
    account = json.loads((tmp_path / "out" / "import.json").read_text())["account"]
    assert account["left out"] == {"'states': not understood": 0}


def test_a_subset_is_chosen_by_its_mask(tmp_path, imports):
    write(tmp_path / "lift.hdf5")
    _, _, [episode] = imports(tmp_path / "lift.hdf5", "--subset", "train")
    assert len(episode.steps) == 6
    with pytest.raises(ConfigError, match="choose one of train"):
        imports(tmp_path / "lift.hdf5", "--subset", "valid", out="other")


def test_without_next_observations_an_end_goes_on_from_nothing_unseen(tmp_path, imports, capsys):
    [(seen, _)] = write(tmp_path / "a.hdf5", (5,), following=False)
    _, _, [episode] = imports(tmp_path / "a.hdf5")
    assert (len(episode.steps), episode.steps[-1].step.terminated) == (5, True)
    write(tmp_path / "b.hdf5", (5,), following=False, rewards=np.zeros(5))
    _, _, [episode] = imports(tmp_path / "b.hdf5", out="b")
    last = episode.steps[-1].step
    assert (len(episode.steps), last.truncated) == (4, True)
    np.testing.assert_array_equal(
        last.final_observation["robot0_eef_pos"], seen["robot0_eef_pos"][4].astype(np.float32)
    )
    assert "the last action was left out" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_what_was_recorded_after_the_end_is_left_out(tmp_path, imports):
    [(seen, _)] = write(
        tmp_path / "a.hdf5", (5,), rewards=np.array([0, 0, 1, 1, 1]), dones=np.array([0, 0, 1, 1, 1])
    )
    _, _, [episode] = imports(tmp_path / "a.hdf5")
    assert [record.step.reward for record in episode.steps] == [0, 0, 1]
    last = episode.steps[-1].step
    np.testing.assert_array_equal(last.final_observation["agentview_image"], seen["agentview_image"][3])


def out_of_step(file):
    file["data/demo_0/next_obs/agentview_image"][1] = 7


def elsewhere(file):
    del file["data/demo_0/actions"]
    file["data/demo_0"].create_dataset("actions", (4, 7), "f8", external=[("/etc/passwd", 0, 4 * 7 * 8)])


def linked(file):
    del file["data/demo_0/actions"]
    file["data/demo_0/actions"] = h5py.ExternalLink("/tmp/other.hdf5", "/actions")


def a_group_linked(file):
    del file["data/demo_5"]
    file["data/demo_5"] = h5py.ExternalLink("/tmp/other.hdf5", "/data/demo_5")


def without_observations(file):
    del file["data/demo_0/obs"], file["data/demo_0/next_obs"]


def too_short(file):
    del file["data/demo_0/rewards"]
    file["data/demo_0/rewards"] = np.zeros(2)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (out_of_step, "not the one that follows"),
        (elsewhere, "leads out of the file"),
        (linked, "has no actions"),
        (a_group_linked, "leads out of the file"),
        (without_observations, "dataset_states_to_obs"),
        (too_short, "do not fit"),
        (lambda file: file["data/demo_5/actions"].__setitem__((0, 0), 3.0), "beyond"),
        (lambda file: file["data"].attrs.__delitem__("env_args"), "give --control-hz"),
        (lambda file: file.__delitem__("data"), "no group data"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path, spoil, said):
    write(tmp_path / "a.hdf5", spoil=spoil)
    with pytest.raises(ConfigError) as refused:
        demo.main(["import", str(tmp_path / "a.hdf5"), "--out", str(tmp_path / "out")])
    assert said in str(refused.value)


def test_what_is_no_hdf5_is_refused(tmp_path):
    (tmp_path / "a.hdf5").write_bytes(b"text")
    with pytest.raises(ConfigError, match="cannot be read as HDF5"):
        demo.main(["import", str(tmp_path / "a.hdf5"), "--out", str(tmp_path / "out")])


def test_a_format_is_recognised_or_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    for name, said in (("a.txt", "no format that is known"), ("b.pkl", "b.pkl")):
        with pytest.raises(ConfigError, match=said):
            demo.main(["import", str(tmp_path / name), "--out", str(tmp_path / "out")])
