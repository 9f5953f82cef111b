import os
import stat
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def host(tmp_path: Path, repository: Path):
    """`host(*arguments, python=..., uv=...)`: a dry run of install.sh on a host with these programs."""

    def program(name: str, text: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(*arguments: str, python: str = "new", uv: bool = False) -> "subprocess.CompletedProcess[str]":
        program("python3", {"new": "exit 0", "old": 'case "$1" in -c) exit 1;; *) exit 0;; esac'}[python])
        for name in ("dirname", "mktemp", "sed", "rm", "tr"):
            (tmp_path / name).symlink_to(f"/usr/bin/{name}")
        if uv:
            program("uv", "exit 0")
        command = ["/bin/sh", str(repository / "deploy/install.sh"), *arguments]
        environment = {**os.environ, "PATH": str(tmp_path), "HANDSON_DRY_RUN": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_an_unknown_role_is_refused_with_the_list(host):
    done = host("lerner")
    assert done.returncode == 2
    assert "learner|actor|robot|sim" in done.stderr


def test_a_wrong_cuda_is_refused(host):
    done = host("learner", "yes")
    assert done.returncode == 2
    assert "CUDA=1" in done.stderr


def test_pip_installs_where_python_is_new_enough(host, tmp_path: Path):
    done = host("actor", "", str(tmp_path / "venv"))
    assert done.returncode == 0
    assert f"python3 -m venv {tmp_path}/venv" in done.stdout
    assert "-e .[actor]" in done.stdout
    assert "uv" not in done.stdout.replace(str(tmp_path), "")


def test_uv_is_used_where_there_is_one(host, tmp_path: Path):
    done = host("learner", "1", str(tmp_path / "venv"), uv=True)
    assert "uv venv --quiet --python python3" in done.stdout
    assert "uv pip install" in done.stdout
    assert "-e .[learner,cuda]" in done.stdout


def test_an_old_python_gets_uv_which_brings_a_newer_one(host, tmp_path: Path):
    done = host("robot", "0", str(tmp_path / "venv"), python="old")
    assert "python3 -m pip install --user --quiet --disable-pip-version-check uv" in done.stdout
    assert "python3 -m uv venv --quiet --python 3.12" in done.stdout
    assert "-e .[robot]" in done.stdout


def test_what_is_attached_is_installed_with_the_role(host, tmp_path: Path):
    done = host("actor", "", str(tmp_path / "venv"), "python3", "realsense,rerun")
    assert "-e .[actor,realsense,rerun]" in done.stdout


def test_what_cannot_be_attached_is_refused_with_the_list(host):
    done = host("actor", "", ".venv", "python3", "realsence")
    assert done.returncode == 2
    assert "'realsence'" in done.stderr
    assert "realsense" in done.stderr


def test_the_lock_binds_the_role(host, tmp_path: Path):
    assert "--constraint " in host("learner", "", str(tmp_path / "venv")).stdout
