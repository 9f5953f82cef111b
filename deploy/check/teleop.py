"""Devices to take over with: whether they are plugged in, and whether this user may read them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from deploy.check.base import Check, Outcome, fail, ok, skip
from deploy.check.bench import Bench
from deploy.check.host import Host, read_text

CONNEXION, LOGITECH = "256F", "046D"
OF_LOGITECH = range(0xC600, 0xC700)
"""Products of SpaceMice that Logitech's number stands on."""
IDENTITY = re.compile(r"^HID_ID=[0-9A-F]+:0*([0-9A-F]{4}):0*([0-9A-F]+)$", re.MULTILINE)
NAME = re.compile(r"^HID_NAME=(.+)$", re.MULTILINE)
RULES = "run: sudo sh deploy/udev/install.sh   and plug it in again"


def checks(bench: Bench) -> list[Check]:
    """SpaceMice and game pads."""
    return [Check(name="teleop", run=lambda: teleop(bench.host))]


def teleop(host: Host) -> Outcome:
    """What is there to take over with."""
    devices = {**dict(_spacemice(host)), **dict(_gamepads(host))}
    if not devices:
        return skip("no SpaceMouse and no game pad is plugged in")
    closed = [f"{what} at {node}" for node, what in devices.items() if not os.access(node, os.R_OK)]
    if closed:
        return fail(f"this user may not read {', '.join(closed)}", RULES)
    return ok(", ".join(devices.values()))


def _spacemice(host: Host) -> Iterator[tuple[Path, str]]:
    for entry in sorted((host.sys / "class/hidraw").glob("hidraw*")):
        told = read_text(entry / "device/uevent") or ""
        identity, name = IDENTITY.search(told), NAME.search(told)
        if identity is None:
            continue
        vendor, product = identity[1], int(identity[2], 16)
        if vendor == CONNEXION or (vendor == LOGITECH and product in OF_LOGITECH):
            yield host.dev / entry.name, name[1] if name else "SpaceMouse"


def _gamepads(host: Host) -> Iterator[tuple[Path, str]]:
    for pad in sorted((host.sys / "class/input").glob("js*")):
        yield host.dev / "input" / pad.name, read_text(pad / "device/name") or "game pad"
