"""Our data sets in the real `lerobot` package, and its data sets in ours: `make test-lerobot`."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from actor import demo
from shared.episodes import group_episodes, read_episodes
from shared.step import Source, Why
from tests.lerobot.environment import ENVIRONMENT

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]
SCRIPT = Path(__file__).with_name("real_package.py")
SECONDS = 300


@pytest.fixture(scope="module")
def python():
    """Of the package's environment, which `make test-lerobot` has made; made here otherwise."""
    told = os.environ.get("LEROBOT_PYTHON")
    return Path(told) if told else ENVIRONMENT.install()


@pytest.fixture
def real(python, tmp_path):
    """`real("read" or "write", root, ...)`: what the real package saw there, or put there."""

    def run(*words):
        out = tmp_path / "frames.npz"
        command = [python, SCRIPT, words[0], words[1], out, *words[2:]]
        environment = {**os.environ, "HF_HOME": str(tmp_path / "hugging-face"), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(out, allow_pickle=False) as frames:
            return dict(frames)

    return run


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Episodes of the simulation with two cameras."""
    directory = tmp_path_factory.mktemp("demos")
    options = ("--task", "reach_vision", "--image-size", "64", "--episodes", "4", "--keep-failures")
    assert demo.main([*options, "--out", str(directory)]) == 0
    return directory


def records_in(directory):
    [file] = Path(directory).glob("*.mcap")
    return [list(episode.steps) for episode in group_episodes(read_episodes(file).records())]


@pytest.mark.parametrize("pictures", ["image", "video"])
def test_the_real_package_reads_what_we_export(tmp_path, demos, real, pictures):
    root = tmp_path / "data"
    assert demo.main(["export", str(demos), "--out", str(root), "--pictures", pictures]) == 0
    episodes = records_in(demos)
    steps = [record.step for records in episodes for record in records]
    frames = real("read", root)
    assert (frames["episodes"], frames["fps"], len(frames["index"])) == (4, 10, len(steps))
    np.testing.assert_array_equal(frames["index"], np.arange(len(steps)))
    lengths = [len(records) for records in episodes]
    np.testing.assert_array_equal(frames["episode_index"], np.repeat(np.arange(4), lengths))
    np.testing.assert_array_equal(frames["action"], np.stack([step.chosen_action for step in steps]))
    state = [
        np.concatenate([value for name, value in step.observation.items() if not name.endswith("/image")])
        for step in steps
    ]
    np.testing.assert_array_equal(frames["observation.state"], np.stack(state))
    np.testing.assert_array_equal(frames["next.reward"], np.float32([step.reward for step in steps]))
    np.testing.assert_array_equal(frames["next.done"], [step.last for step in steps])
    np.testing.assert_array_equal(frames["next.success"], [step.why is Why.SUCCESS for step in steps])
    assert set(frames["task"]) == {"reach_vision"}
    np.testing.assert_allclose(
        frames["stats|action|mean"], np.stack([step.chosen_action for step in steps]).mean(axis=0), atol=1e-5
    )
    for camera in ("front", "wrist"):
        shown = np.moveaxis(frames[f"observation.images.{camera}"], 1, -1) * 255.0
        seen = np.stack([step.observation[f"{camera}/image"] for step in steps])
        if pictures == "image":
            np.testing.assert_array_equal(shown.round().astype(np.uint8), seen)
        else:
            assert np.abs(shown - seen).mean() < 6.0
        assert frames[f"stats|observation.images.{camera}|mean"].shape == (3, 1, 1)


@pytest.mark.parametrize("pictures", ["image", "video"])
def test_we_read_what_the_real_package_records(tmp_path, real, pictures):
    root = tmp_path / "data"
    kept = real("write", root, pictures)
    assert demo.main(["import", str(root), "--out", str(tmp_path / "out"), "--driver", "policy"]) == 0
    episodes = records_in(tmp_path / "out")
    assert [len(records) for records in episodes] == [5, 6, 7]
    steps = [record.step for records in episodes for record in records]
    np.testing.assert_array_equal(np.stack([s.chosen_action for s in steps]), kept["action"])
    np.testing.assert_array_equal(
        np.stack([s.observation["state"] for s in steps]), kept["observation.state"]
    )
    people = kept["complementary_info.is_intervention"][:, 0] > 0
    assert [s.source for s in steps] == [Source.HUMAN if person else Source.POLICY for person in people]
    shown = np.stack([s.observation["front/image"] for s in steps])
    if pictures == "image":
        np.testing.assert_array_equal(shown, kept["observation.images.front"])
    else:
        assert np.abs(shown - kept["observation.images.front"].astype(float)).mean() < 6.0
    assert all(records[-1].step.why is Why.SUCCESS for records in episodes)
