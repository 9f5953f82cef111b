"""Devices to take over with: plugged in, readable, known, alone; and, where somebody moves them, alive."""

import os
import re
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from deploy.check.base import Check, Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench
from deploy.check.host import Host, read_text
from deploy.check.teleop_hand import WATCH_SECONDS, hand

CONNEXION, LOGITECH = 0x256F, 0x046D
OF_LOGITECH = range(0xC600, 0xC700)
"""Products of SpaceMice that Logitech's number stands on."""
IDENTITY = re.compile(r"^HID_ID=[0-9A-F]+:0*([0-9A-F]{4}):0*([0-9A-F]+)$", re.MULTILINE)
NAME = re.compile(r"^HID_NAME=(.+)$", re.MULTILINE)
RULES = "run: sudo sh deploy/udev/install.sh   and plug it in again"
LIBRARIES = {"spacemouse": "pyspacemouse", "gamepad": "pygame"}
RIVALS = ("spacenavd", "3dxsrv")
"""Programs that grab SpaceMice for themselves, by the names that the kernel shows."""


class Plugged(NamedTuple):
    """A device that this host shows."""

    kind: str
    name: str
    node: Path
    identity: tuple[int, int] | None = None


def checks(bench: Bench) -> list[Check]:
    """What is plugged in, and each device under a hand where somebody is there."""
    found = [Check(name="teleop", run=lambda: teleop(bench.host))]
    if not bench.interactive:
        return found
    plugged = {each.kind for each in _plugged(bench.host)}
    names = [*bench.lab.teleop, *sorted(plugged - set(bench.lab.teleop))]
    return found + [
        Check(name=f"teleop {name}", run=partial(hand, bench, name), deadline_seconds=WATCH_SECONDS + 20.0)
        for name in names
    ]


def teleop(host: Host) -> Outcome:
    """What is there to take over with."""
    devices = list(_plugged(host))
    if not devices:
        return skip("no SpaceMouse and no game pad is plugged in; the keyboard is always there")
    closed = [f"{each.name} at {each.node}" for each in devices if not os.access(each.node, os.R_OK)]
    if closed:
        return fail(f"this user may not read {', '.join(closed)}", RULES)
    told = ", ".join(each.name for each in devices)
    missing = {each.kind for each in devices if find_spec(LIBRARIES[each.kind]) is None}
    if missing:
        extras = ",".join(sorted(missing))
        return warn(f"{told}; its library is not installed here", f"install the extra handson[{extras}]")
    return _rivals(host, devices) or _unknown(devices) or ok(told)


def _rivals(host: Host, devices: list[Plugged]) -> Outcome | None:
    running = {read_text(comm) for comm in host.proc.glob("[0-9]*/comm")}
    rivals = [name for name in RIVALS if name in running]
    if not rivals or all(each.kind != "spacemouse" for each in devices):
        return None
    return warn(
        f"{', '.join(rivals)} runs, and may keep the SpaceMouse to itself",
        f"end it: sudo systemctl disable --now {rivals[0]}",
    )


def _unknown(devices: list[Plugged]) -> Outcome | None:
    numbers = {each.identity: each.name for each in devices if each.identity is not None}
    if not numbers:
        return None
    from pyspacemouse import get_device_specs

    known = {info.hid_id for info in get_device_specs().values()}
    strange = [f"{name} ({v:04x}:{p:04x})" for (v, p), name in numbers.items() if (v, p) not in known]
    if not strange:
        return None
    return warn(
        f"pyspacemouse does not know {', '.join(strange)}",
        "try it as another model: [teleop.spacemouse] model in the lab file; see docs/teleoperation.md",
    )


def _plugged(host: Host) -> Iterator[Plugged]:
    for entry in sorted((host.sys / "class/hidraw").glob("hidraw*")):
        told = read_text(entry / "device/uevent") or ""
        identity, name = IDENTITY.search(told), NAME.search(told)
        if identity is None:
            continue
        vendor, product = int(identity[1], 16), int(identity[2], 16)
        if vendor == CONNEXION or (vendor == LOGITECH and product in OF_LOGITECH):
            title = name[1] if name else "SpaceMouse"
            yield Plugged("spacemouse", title, host.dev / entry.name, (vendor, product))
    for pad in sorted((host.sys / "class/input").glob("js*")):
        read_by_sdl = next(iter(sorted((pad / "device").glob("event*"))), pad)
        node = host.dev / "input" / read_by_sdl.name
        yield Plugged("gamepad", read_text(pad / "device/name") or "game pad", node)
