"""A device under a hand: a recorded one, through the real parser."""

from pathlib import Path

import numpy as np
import pytest

from deploy.check.bench import Bench
from deploy.check.config import CheckConfig
from deploy.check.teleop import checks
from deploy.check.teleop_hand import hand, judge
from robot_env.lab import Lab, load_lab
from robot_env.tasks.reach import Reach
from robot_env.teleop.recorded_hid import Recording, save_recording
from tests.robot_env.teleop.hands import COMPACT

ALL, REST = np.full(6, 0.9), np.zeros(6)


def bench_with(tmp_path: Path, *reports: tuple[float, bytes]) -> Bench:
    path = tmp_path / "hand.txt"
    save_recording(Recording(device=COMPACT, reports=reports), path)
    (tmp_path / "lab.toml").write_text(f'[teleop.spacemouse]\nreplay = "{path}"\n')
    lab = load_lab(tmp_path / "lab.toml")
    return Bench(config=CheckConfig(), lab=lab, task=Reach(), interactive=True)


def full(number: int, value: int) -> bytes:
    return bytes([number]) + value.to_bytes(2, "little", signed=True) * 3


def test_all_axes_that_move_and_rest_are_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [(0.05, full(1, 350)), (0.1, full(2, -350)), (0.3, full(1, 0)), (0.3, full(2, 0))]
    outcome = hand(bench_with(tmp_path, *reports), "spacemouse")
    assert outcome.status == "ok"
    assert "push it" in capsys.readouterr().err


def test_a_device_that_says_nothing_is_told_apart_from_one_that_is_not_there(tmp_path: Path) -> None:
    silent = hand(bench_with(tmp_path), "spacemouse", seconds=0.2)
    assert silent.status == "fail"
    assert "says nothing" in silent.detail
    missing = hand(Bench(config=CheckConfig(), lab=Lab(), task=Reach()), "spacemouse", seconds=0.2)
    assert missing.status == "fail"
    assert "none is plugged in" in missing.detail
    assert "plug it in" in missing.cure


@pytest.mark.parametrize(
    ("farthest", "last", "lost", "status", "detail"),
    [
        (ALL, REST, "", "ok", "six"),
        (ALL, REST, "gone", "fail", "went away"),
        (REST, REST, "", "fail", "says nothing"),
        (ALL, np.array([0, 0.4, 0, 0, 0, 0]), "", "warn", "rest: away-near"),
        (np.array([1, 1, 1, 0, 0, 0.9]), REST, "", "warn", "tilt away-near, tilt right-left did not"),
    ],
)
def test_axes_are_judged(farthest, last, lost: str, status: str, detail: str) -> None:
    outcome = judge(farthest, last, lost)
    assert outcome.status == status
    assert detail in outcome.detail
    assert bool(outcome.cure) == (status != "ok")


def test_devices_are_only_asked_for_where_somebody_is_there(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    assert [check.name for check in checks(bench)] == ["teleop", "teleop spacemouse"]
    alone = Bench(config=CheckConfig(), lab=bench.lab, task=Reach())
    assert [check.name for check in checks(alone)] == ["teleop"]
