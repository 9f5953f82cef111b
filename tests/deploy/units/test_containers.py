"""The container files: what they copy is there, what they install and start is known."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from deploy.cli import ROLES

FILES = sorted((Path(__file__).resolve().parents[3] / "deploy/containers").glob("*.Containerfile"))
PACKAGES = {"shared", "robot_env", "learner", "actor", "deploy"}


@pytest.fixture(params=[pytest.param(path, id=path.stem) for path in FILES])
def containerfile(request: pytest.FixtureRequest) -> Path:
    return request.param


def instructions(path: Path, name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", path.read_text(), re.MULTILINE)


def test_there_is_one_for_each_of_learner_and_actor():
    assert [path.stem for path in FILES] == ["actor", "learner"]


def test_what_is_copied_is_there_and_all_that_the_wheel_needs(containerfile: Path, repository: Path):
    copied = {source for line in instructions(containerfile, "COPY") for source in line.split()[:-1]}
    assert all((repository / source).exists() for source in copied)
    assert copied >= PACKAGES | {"pyproject.toml", "requirements.lock", "README.md", "LICENSE"}


def test_it_installs_a_role_that_the_installer_knows(containerfile: Path, repository: Path, tmp_path: Path):
    (command,) = instructions(containerfile, "RUN")
    words = shlex.split(command)
    assert words[:3] == ["sh", "deploy/install.sh", containerfile.stem]
    words[4] = str(tmp_path / "venv")
    environment = {**os.environ, "HANDSON_DRY_RUN": "1"}
    done = subprocess.run(
        words, cwd=repository, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    extras = {"learner": "learner,cuda", "actor": "actor,realsense"}[containerfile.stem]
    assert f".[{extras}]" in done.stdout


def test_it_starts_its_role_and_ends_it_in_order(containerfile: Path):
    (entry,) = instructions(containerfile, "ENTRYPOINT")
    program, role = json.loads(entry)
    assert program == "/opt/handson/.venv/bin/handson"
    assert role in ROLES
    assert role == containerfile.stem
    assert instructions(containerfile, "STOPSIGNAL") == ["SIGINT"]
