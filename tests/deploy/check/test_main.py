"""The whole command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.check import EVERYWHERE, FAMILIES
from deploy.check.main import main
from robot_env.families import resolve

Run = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`run(*flags)`: the exit status, and the rows by name."""

    def go(*flags: str) -> tuple[int, dict[str, dict[str, Any]]]:
        status = main(["--json", "--run-dir", str(tmp_path / "runs"), *flags])
        rows = json.loads(capsys.readouterr().out)["checks"]
        assert status == int(not all(row["ok"] for row in rows))
        assert all(row["cure"] for row in rows if row["status"] in ("warn", "fail"))
        return status, {row["name"]: row for row in rows}

    return go


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_there(name: str):
    family = FAMILIES[name]
    assert set(family.roles) <= set(EVERYWHERE)
    assert callable(resolve("check", {name: family.target}, name))


def write_lab(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_software_camera_and_a_simulated_arm_are_in_order(run: Run, tmp_path: Path):
    lab = write_lab(tmp_path / "lab.toml", '[arm]\nkind = "mujoco"\n[cameras.front]\nkind = "pattern"\n')
    status, rows = run("--role", "actor", "--lab", lab)
    assert status == 0
    assert rows["camera front"]["status"] == "ok"
    assert rows["arm"]["status"] == "skip"
    assert rows["learner"]["status"] == "skip"
    assert "replay memory" not in rows


def test_a_lab_file_that_is_wrong_fails_and_the_rest_goes_on(run: Run, tmp_path: Path):
    lab = write_lab(tmp_path / "lab.toml", '[arms]\nkind = "mujoco"\n')
    status, rows = run("--role", "actor", "--lab", lab)
    assert status == 1
    assert "arms" in rows["lab file"]["detail"]
    assert "did you mean 'arm'" in rows["lab file"]["cure"]
    assert rows["disk space"]["ok"]


def test_a_workspace_that_the_lab_leaves_empty_is_found_before_anything_moves(run: Run, tmp_path: Path):
    lab = write_lab(tmp_path / "lab.toml", "[limits]\nlow_m = [5.0, 0.0, 0.0]\n")
    status, rows = run("--role", "actor", "--lab", lab)
    assert status == 1
    assert rows["task"]["status"] == "fail"


def test_nobody_at_the_learners_address(run: Run, free_port: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy.check.learner_link.ANSWER_SECONDS", 0.3)
    status, rows = run("--role", "actor", "--connect", f"tcp://127.0.0.1:{free_port()}")
    assert status == 1
    assert "no learner answers" in rows["learner"]["detail"]
    assert "handson learner" in rows["learner"]["cure"]


def test_people_get_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["--role", "robot", "--run-dir", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "real-time kernel" in told
    assert told.strip().endswith("ready")


def test_a_replay_that_cannot_fit_fails(run: Run, tmp_path: Path):
    settings = tmp_path / "learner.toml"
    settings.write_text("[hardware]\ndevice = 'cpu'\n[sampler.replay]\nmemory_limit_gigabytes = 0.001\n")
    status, rows = run("--role", "learner", "--learner", str(settings), "--bind", "tcp://127.0.0.1:0")
    assert status == 1
    assert "cannot fit" in rows["replay memory"]["detail"]
    assert "online_rows" in rows["replay memory"]["cure"]
