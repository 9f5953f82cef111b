from pathlib import Path

import pytest

from robot_env.cameras.crop import CroppedCameraConfig
from robot_env.cameras.pattern import PatternCameraConfig
from robot_env.lab import Lab, load_lab
from robot_env.registry import make
from robot_env.tasks.reach import Reach
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError

LAB = """
[arm]
kind = "point"
reach_m = 0.8

[cameras.wrist]
kind = "pattern"
height = 48
width = 64
crop = { top = 4, crop_height = 40, crop_width = 40, height = 32, width = 32, version = 3 }

[cameras.side]
kind = "pattern"

[limits]
low_m = [0.0, -0.1, 0.1]
speed_m_s = 0.2

[teleop.script]
noise = 0.1

[teleop.clumsy]
kind = "script"
noise = 1.0

[tasks.reach]
tolerance_m = 0.02
settings.control_hz = 5.0
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(LAB)
    return path


def test_members_are_built_from_their_tables(lab: Path) -> None:
    wrist, side = load_lab(lab).cameras
    assert isinstance(wrist, CroppedCameraConfig)
    assert wrist.camera == PatternCameraConfig(name="wrist", height=48, width=64)
    assert (wrist.top, wrist.version) == (4, 3)
    assert side == PatternCameraConfig(name="side")


def test_limits_narrow_a_task_and_never_widen_it(lab: Path) -> None:
    task = load_lab(lab).fit("reach", Reach())
    assert task.tolerance_m == 0.02
    assert task.settings.control_hz == 5.0
    assert task.settings.envelope.low_m == (0.25, -0.1, 0.1)
    assert task.settings.envelope.high_m == Reach().settings.envelope.high_m
    assert task.settings.envelope.speed_m_s == 0.2
    assert task.settings.envelope.force_n == Reach().settings.envelope.force_n


def test_devices_have_the_settings_of_their_tables_and_may_have_another_name(lab: Path) -> None:
    assert load_lab(lab).device("script") == ScriptConfig(noise=0.1)
    assert load_lab(lab).device("clumsy") == ScriptConfig(noise=1.0)
    assert Lab().device("script") == ScriptConfig()
    with pytest.raises(ConfigError, match="no teleop device 'scrpt'"):
        load_lab(lab).device("scrpt")


def test_the_environment_is_made_from_it(lab: Path) -> None:
    env = make("reach", clock=ManualClock(), lab=lab)
    observation, _ = env.reset(seed=0)
    assert observation["wrist/image"].shape == (32, 32, 3)
    assert env.unwrapped.interface.control_hz == 5.0
    env.close()


@pytest.mark.parametrize(
    ("text", "cause", "cure"),
    [
        ("[camera.x]\nkind = 'pattern'", "unknown section", "cameras"),
        ("[arm]\nkind = 'poin'", "no arm 'poin'", "point"),
        ("[arm]\nreach_m = 1.0", "names no kind", "kind ="),
        ("[arm]\nkind = 'point'\nreech_m = 1.0", "unknown key 'reech_m' in \\[arm\\]", "reach_m"),
        ("[cameras.w]\nkind = 'pattern'\ncrop = {tip = 1}", "unknown key 'tip'", "top"),
        ("[cameras.w]\nkind = 'pattern'\ncrop = {top = 1}", "does not fit", "crop_height"),
        ("[teleop.scrpt]", "no teleop device 'scrpt'", "script"),
        ("[teleop.script]\nnoise = 3", "out of range", "0 to 1"),
        ("[tasks.rech]\ntolerance_m = 0.1", "no task 'rech'", "reach"),
        ("[limits]\nspeed = 1.0", "unknown key 'speed'", "speed_m_s"),
        ("[arm", "is not TOML", "toml.io"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(tmp_path: Path, text: str, cause: str, cure: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=cause) as refusal:
        load_lab(path)
    assert cure in refusal.value.cure


def test_a_lab_that_leaves_no_workspace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "far.toml"
    path.write_text("[limits]\nlow_m = [0.9, 0.0, 0.0]")
    with pytest.raises(ConfigError, match="no box"):
        load_lab(path).fit("reach", Reach())
