"""The robot server's command line: its own settings, and those of whichever driver and gripper it names."""

import dataclasses
import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from robot_env.families import resolve
from robot_env.server.config import OWN, RobotServerConfig
from robot_env.server.drivers import DRIVERS, HANDS
from robot_env.server.drivers.base import DriverConfig, HandDriverConfig
from shared.config import NONE, parse_command_line

PROG = "handson robot"
DESCRIPTION = (
    "Own a robot arm: follow set-points within limits, hold when they stop, recover by rules. "
    "--arm.* are settings of the driver, --fingers.* of the gripper's."
)


class Settings(NamedTuple):
    """What was asked for."""

    server: RobotServerConfig
    driver: DriverConfig
    hand: HandDriverConfig | None


def parse(argv: Sequence[str]) -> Settings:
    """Settings from a command line and TOML files; prints what is wrong and exits with status 2."""
    default = RobotServerConfig()
    driver = _named(argv, "driver") or default.driver
    hand = own_hand(driver, _named(argv, "hand") or default.hand)
    fields: list[Any] = [("arm", resolve("driver", DRIVERS, driver))]
    if hand is not None:
        fields.append(("fingers", resolve("gripper driver", HANDS, hand)))
    whole = dataclasses.make_dataclass(
        "RobotSettings",
        [(name, kind, dataclasses.field(default_factory=kind)) for name, kind in fields],
        bases=(RobotServerConfig,),
        frozen=True,
        kw_only=True,
    )
    whole.__doc__ = RobotServerConfig.__doc__
    parsed = parse_command_line(whole, argv, prog=PROG, description=DESCRIPTION)
    return _settings(parsed)


def build_settings(config: RobotServerConfig, **settings: Any) -> Settings:
    """The same from a configuration; `arm` and `fingers` are settings of its drivers, else their defaults."""
    hand = own_hand(config.driver, config.hand)
    arm = settings.get("arm") or resolve("driver", DRIVERS, config.driver)()
    fingers = settings.get("fingers")
    if fingers is None and hand is not None:
        fingers = resolve("gripper driver", HANDS, hand)()
    return Settings(config, with_host(arm, config.host), fingers and with_host(fingers, config.host))


def own_hand(driver: str, hand: str | None) -> str | None:
    """The gripper's driver: the arm's maker's where that is asked for, and there is one."""
    if hand == OWN:
        return driver if driver in HANDS else "simulated" if driver == "faulty" else None
    return None if hand in (None, NONE) else hand


def with_host(config: Any, host: str | None) -> Any:
    """Settings of a driver that connects to a host, with that host."""
    if host is None or not any(field.name == "host" for field in dataclasses.fields(config)):
        return config
    return dataclasses.replace(config, host=host)


def _settings(parsed: Any) -> Settings:
    names = [field.name for field in dataclasses.fields(RobotServerConfig)]
    server = RobotServerConfig(**{name: getattr(parsed, name) for name in names})
    return build_settings(server, arm=parsed.arm, fingers=getattr(parsed, "fingers", None))


def _named(argv: Sequence[str], what: str) -> str | None:
    """The last `--what NAME` or `--what=NAME`, else what the last --config FILE says."""
    given = _values(argv, f"--{what}")
    for path in reversed(_values(argv, "--config")):
        if given:
            break
        given = _in_file(Path(path), what)
    return given[-1] if given else None


def _values(argv: Sequence[str], flag: str) -> list[str]:
    following = [value for name, value in pairwise(argv) if name == flag]
    return following + [word.partition("=")[2] for word in argv if word.startswith(f"{flag}=")]


def _in_file(path: Path, what: str) -> list[str]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # told properly by whoever reads the whole of it
    return [str(table[what])] if what in table else []
