"""Every name in every table leads somewhere, and a misspelt one to its nearest neighbour."""

import inspect
from collections.abc import Mapping

import pytest

from robot_env.arms import ARMS
from robot_env.arms.base import Arm
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import Camera
from robot_env.families import resolve
from robot_env.grippers import GRIPPERS
from robot_env.grippers.base import Gripper
from robot_env.tasks import TASKS
from robot_env.tasks.base import Task
from robot_env.teleop import TELEOP
from robot_env.teleop.base import TeleopDevice
from robot_env.teleop.scripts import SCRIPTS
from shared.errors import ConfigError

TABLES = {
    "arm": ARMS,
    "gripper": GRIPPERS,
    "camera": CAMERAS,
    "teleop device": TELEOP,
    "task": TASKS,
    "script": SCRIPTS,
}
ENTRIES = [(family, name) for family, table in TABLES.items() for name in sorted(table)]


@pytest.mark.parametrize(("family", "name"), ENTRIES)
def test_every_entry_resolves_to_something_documented(family: str, name: str) -> None:
    thing = resolve(family, TABLES[family], name)
    assert callable(thing)
    assert inspect.getdoc(thing)


@pytest.mark.parametrize(("family", "table"), TABLES.items())
def test_a_misspelt_name_is_answered_with_the_nearest(family: str, table: Mapping[str, str]) -> None:
    name = sorted(table)[0]
    with pytest.raises(ConfigError, match=f"did you mean '{name}'"):
        resolve(family, table, f"{name}x")


@pytest.mark.parametrize("protocol", [Arm, Gripper, Camera, TeleopDevice, Task])
def test_protocols_stay_small(protocol: type) -> None:
    members = [name for name in vars(protocol) if not name.startswith("_")]
    assert 0 < len(members) < 8


def test_every_task_has_a_script() -> None:
    assert set(SCRIPTS) == set(TASKS)
