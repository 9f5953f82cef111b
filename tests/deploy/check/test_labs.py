"""The lab files: each is read; what is said of one without its hardware, and of one that is all there."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.check.main import main
from robot_env.lab import load_lab

LABS = sorted((Path(__file__).resolve().parents[3] / "deploy/labs").glob("*.toml"))
START = "import sys; from robot_env.server.main import main; sys.exit(main(sys.argv[1:]))"
READY = re.compile(r"ready on (tcp://\S+):")


@pytest.mark.parametrize("lab", [pytest.param(path, id=path.stem) for path in LABS])
def test_each_lab_file_is_read(lab: Path):
    read = load_lab(lab)
    assert read.arm is not None
    assert read.gripper is not None
    assert read.cameras


@pytest.mark.parametrize("lab", [pytest.param(path, id=path.stem) for path in LABS])
def test_the_commands_in_a_lab_file_name_it(lab: Path):
    commands = re.findall(r"#\s+(handson check .*)", lab.read_text())
    assert commands
    assert all("deploy/labs/" in command for command in commands)


def rows(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, dict[str, Any]]]:
    status = main(["--json", "--role", "actor", *flags])
    found = json.loads(capsys.readouterr().out)["checks"]
    return status, {row["name"]: row for row in found}


def test_with_nothing_attached_arm_and_cameras_fail_each_with_its_cure(
    capsys: pytest.CaptureFixture[str], repository: Path, tmp_path: Path, free_port: Any
):
    nobody = f"tcp://127.0.0.1:{free_port()}"
    lab = repository / "deploy/labs/example.toml"
    status, found = rows(capsys, "--lab", str(lab), "--robot", nobody, "--run-dir", str(tmp_path))
    assert status == 1
    failed = {name: row for name, row in found.items() if not row["ok"]}
    assert failed.keys() == {"robot server", "camera wrist", "camera front"}
    assert "handson robot" in failed["robot server"]["cure"]
    for name, serial in (("camera wrist", "000000000001"), ("camera front", "000000000002")):
        assert serial in failed[name]["detail"]
        assert "plug it in" in failed[name]["cure"]


def test_with_a_simulated_arm_and_a_camera_of_software_nothing_fails(
    capsys: pytest.CaptureFixture[str], repository: Path, tmp_path: Path, spawn: Any, wait_until: Any
):
    process = spawn([sys.executable, "-c", START, "--bind", "tcp://127.0.0.1:0", "--driver", "simulated"])
    wait_until(lambda: READY.search(process.log.read_text()) or process.poll() is not None, 60.0)
    ready = READY.search(process.log.read_text())
    assert ready, process.log.read_text()
    lab = repository / "deploy/labs/franka_sim.toml"
    status, found = rows(capsys, "--lab", str(lab), "--robot", ready[1], "--run-dir", str(tmp_path))
    assert status == 0, found
    for name in ("robot server", "robot mode", "camera front"):
        assert found[name]["status"] == "ok", found[name]
