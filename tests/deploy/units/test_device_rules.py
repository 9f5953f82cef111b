"""The udev rules: their notation, and which devices they are meant for."""

import fnmatch
import os
import re
import subprocess
from pathlib import Path

import pytest

UDEV = Path(__file__).resolve().parents[3] / "deploy/udev"
RULES = sorted(UDEV.glob("*.rules"))
MATCHES = {"SUBSYSTEM", "SUBSYSTEMS", "KERNEL", "KERNELS", "DRIVER", "ATTR", "ATTRS", "ENV", "TEST"}
ASSIGNMENTS = {"MODE", "GROUP", "TAG", "SYMLINK", "ATTR"}
PAIR = re.compile(r'([A-Z]+)(?:\{([^}]+)\})?(==|!=|\+=|=)"([^"]*)"')


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def pairs(line: str) -> list[tuple[str, str, str, str]]:
    return PAIR.findall(line)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in RULES])
def test_the_notation_is_udevs(path: Path):
    for line in lines(path):
        assert PAIR.sub("", line).replace(",", "").strip() == "", line
        for name, _, operator, _ in pairs(line):
            assert name in (MATCHES if operator in ("==", "!=") else ASSIGNMENTS), line
        assert any(operator in ("=", "+=") for _, _, operator, _ in pairs(line)), line


def granted(vendor: str, product: str, subsystem: str) -> bool:
    """Whether a rule gives a device with these numbers to the person who sits there."""
    for path in RULES:
        for line in lines(path):
            told = {(name, attribute): value for name, attribute, _, value in pairs(line)}
            asked = {
                attribute: value for (name, attribute), value in told.items() if name in ("ATTR", "ATTRS")
            }
            fits = told.get(("SUBSYSTEM", "")) == subsystem and asked.get("idVendor") == vendor
            products = asked.get("idProduct", "*").split("|")
            if fits and ("TAG", "") in told and any(fnmatch.fnmatch(product, each) for each in products):
                return told[("MODE", "")] == "0660" and told[("TAG", "")] == "uaccess"
    return False


@pytest.mark.parametrize(
    ("vendor", "product", "subsystem"),
    [
        pytest.param("8086", "0b07", "usb", id="D435"),
        pytest.param("8086", "0b3a", "usb", id="D435I"),
        pytest.param("8086", "0b5b", "usb", id="D405"),
        pytest.param("8086", "0b5c", "usb", id="D455"),
        pytest.param("8086", "0ad3", "usb", id="D415"),
        pytest.param("8086", "0b07", "video4linux", id="D435 as a webcam"),
        pytest.param("256f", "c635", "hidraw", id="SpaceMouse Compact"),
        pytest.param("046d", "c62b", "hidraw", id="SpaceMouse Pro"),
        pytest.param("0403", "6015", "tty", id="Robotiq"),
    ],
)
def test_the_devices_of_a_lab_are_reached(vendor: str, product: str, subsystem: str):
    assert granted(vendor, product, subsystem)


@pytest.mark.parametrize(
    ("vendor", "product", "subsystem"),
    [("046d", "c31c", "hidraw"), ("8086", "0029", "usb"), ("0403", "0000", "tty")],
)
def test_other_devices_are_left_alone(vendor: str, product: str, subsystem: str):
    assert not granted(vendor, product, subsystem)


def test_game_pads_are_known_by_what_udev_takes_them_for():
    (line,) = lines(UDEV / "60-handson-gamepad.rules")
    told = {(name, attribute): value for name, attribute, _, value in pairs(line)}
    assert told[("ENV", "ID_INPUT_JOYSTICK")] == "1"
    assert told[("KERNEL", "")] == "event*|js*"
    assert (told[("MODE", "")], told[("TAG", "")]) == ("0660", "uaccess")


def test_the_installer_copies_them_below_another_root(tmp_path: Path):
    done = subprocess.run(
        ["sh", str(UDEV / "install.sh")],
        env={**os.environ, "DESTDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    installed = sorted((tmp_path / "etc/udev/rules.d").iterdir())
    assert [path.name for path in installed] == [path.name for path in RULES]


def test_a_dry_run_says_what_it_would_do():
    done = subprocess.run(
        ["sh", str(UDEV / "install.sh")],
        env={**os.environ, "HANDSON_DRY_RUN": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "udevadm control --reload-rules" in done.stdout
    for path in RULES:
        assert path.name in done.stdout
