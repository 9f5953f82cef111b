"""The services: what systemd says of them, and what our own programs say of their arguments."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from actor.config import ActorConfig
from learner.config import LearnerConfig
from robot_env.server.command_line import parse
from shared.config import load_toml

SERVICES = ("learner", "actor", "robot")
Install = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def units(repository: Path) -> Path:
    return repository / "deploy/units"


@pytest.fixture
def install(units: Path, tmp_path: Path) -> Install:
    """`install(role)`: installed below `tmp_path`."""

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", str(units / "install.sh"), *arguments],
            env={**os.environ, "DESTDIR": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def entries(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("role", SERVICES)
def test_an_installed_service_starts_this_checkouts_own_program(
    role: str, install: Install, tmp_path: Path, repository: Path
):
    done = install(role, "root")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / f"etc/systemd/system/handson-{role}.service").read_text()
    assert entries(text, "User") == ["root"]
    (command,) = entries(text, "ExecStart")
    words = shlex.split(command)
    assert any(word.startswith(f"{repository}/") for word in words)
    if words[0] == "/bin/sh":
        assert Path(words[1]).is_file()
    else:
        assert words[1] == role
        assert words[2:] == ["--config", f"/etc/handson/{role}.toml"]
    for document in entries(text, "Documentation"):
        assert document.startswith(f"file://{repository}/docs/")


@pytest.mark.parametrize("role", SERVICES)
def test_systemd_finds_nothing_wrong(role: str, install: Install, tmp_path: Path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (apt-get install systemd)")
    install(role, "root")
    unit = tmp_path / f"etc/systemd/system/handson-{role}.service"
    unit.write_text(re.sub(r"^ExecStart=/\S*handson ", "ExecStart=/bin/true ", unit.read_text(), flags=re.M))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_loop_at_1_khz_gets_what_it_needs(units: Path):
    text = (units / "handson-robot.service").read_text()
    assert entries(text, "LimitRTPRIO") == ["99"]
    assert entries(text, "LimitMEMLOCK") == ["infinity"]


def test_an_arm_never_begins_to_move_by_itself(units: Path):
    text = (units / "handson-actor.service").read_text()
    assert entries(text, "Restart") == ["no"]
    assert "[Install]" not in text.splitlines()


@pytest.mark.parametrize("role", ["learner", "robot"])
def test_what_a_person_has_to_put_right_is_not_tried_again(role: str, units: Path):
    text = (units / f"handson-{role}.service").read_text()
    assert entries(text, "Restart") == ["on-failure"]
    assert entries(text, "RestartPreventExitStatus") == ["2"]
    assert entries(text, "KillSignal") == ["SIGINT"]


def test_settings_that_are_installed_are_settings_of_the_role(units: Path):
    assert load_toml(units / "learner.toml", LearnerConfig).ratio.clock == "wall"
    assert load_toml(units / "actor.toml", ActorConfig).clock == "wall"
    assert parse(["--config", str(units / "robot.toml")]).server.driver == "fr3"


def test_settings_that_are_there_are_kept(install: Install, tmp_path: Path):
    mine = tmp_path / "etc/handson/learner.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("seed = 7\n")
    install("learner")
    assert mine.read_text() == "seed = 7\n"


def test_a_dry_run_changes_nothing_and_says_what_it_would(install: Install, tmp_path: Path):
    done = install("robot", HANDSON_DRY_RUN="1", DESTDIR="")
    assert done.returncode == 0
    assert "/etc/systemd/system/handson-robot.service" in done.stdout
    assert "systemctl daemon-reload" in done.stdout
    assert not list(tmp_path.iterdir())


def test_an_unknown_service_is_refused_with_the_list(install: Install):
    done = install("lerner")
    assert done.returncode == 2
    assert "learner|actor|robot" in done.stderr


@pytest.mark.parametrize("resumed", [False, True])
def test_a_learner_goes_on_with_the_run_that_is_there(units: Path, tmp_path: Path, resumed: bool):
    program = tmp_path / "handson"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    run = tmp_path / "reach-1"
    if resumed:
        run.mkdir()
        (run / "learner.toml").touch()
    environment = {"HANDSON": str(program), "HANDSON_RUNS": str(tmp_path), "HANDSON_RUN": "reach-1"}
    done = subprocess.run(
        ["sh", str(units / "start-learner.sh")],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    first = f"learner --config /etc/handson/learner.toml --run-dir {run}"
    again = f"learner --run-dir {run} --resume"
    assert done.stdout.strip() == (again if resumed else first)
