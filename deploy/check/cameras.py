"""Each camera of the lab: whether it delivers, how fast, how fresh, and whether the bus carries them all."""

from contextlib import closing
from functools import partial
from typing import Any

from deploy.check.base import Check, Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench, name_of, uncropped
from robot_env.arms.real_world import RealWorld
from robot_env.cameras.base import CameraConfig
from robot_env.cameras.freshness import MAX_AGE_SECONDS, require_kind

OPEN_SECONDS = 20.0
FIRST_SECONDS, LOOK_SECONDS, POLL_SECONDS = 5.0, 1.0, 0.004
RATE_SHARE = 0.8
SIMULATED = "robot_env.cameras.mujoco"


def checks(bench: Bench) -> list[Check]:
    """Every camera, then their bus."""
    if not bench.lab.cameras:
        return [Check(name="cameras", run=lambda: skip("the lab file names none"))]
    return [
        Check(
            name=f"camera {name_of(each)}",
            run=partial(camera, bench, each),
            deadline_seconds=OPEN_SECONDS + FIRST_SECONDS + LOOK_SECONDS + 5.0,
        )
        for each in bench.lab.cameras
    ]


def camera(bench: Bench, config: CameraConfig) -> Outcome:
    """Read a second of frames."""
    raw = uncropped(config)
    if type(raw).__module__ == SIMULATED:
        return skip("drawn by the simulated arm")
    with closing(config.build(RealWorld(()), bench.clock)) as built:
        numbers, oldest = _watch(bench, built)
    return judge(
        numbers / LOOK_SECONDS,
        oldest,
        asked_hz=getattr(raw, "fps", None),
        control_hz=bench.task.settings.control_hz,
    )


def judge(hz: float, oldest_seconds: float, *, asked_hz: float | None, control_hz: float) -> Outcome:
    """Judge a second of frames: how many were new, and how old the newest ever was when it was read."""
    told = f"{hz:.0f} new frames/s, at most {oldest_seconds * 1000:.0f} ms old"
    cable = "plug it into a USB 3 port of its own, with a short cable; see the usb line"
    if hz < control_hz:
        return fail(f"{told}; the task looks {control_hz:g} times a second", cable)
    if oldest_seconds > MAX_AGE_SECONDS:
        return fail(f"{told}; steps take frames of {MAX_AGE_SECONDS:g} s at most", cable)
    if asked_hz is not None and hz < RATE_SHARE * asked_hz:
        return warn(f"{told}; it is set to {asked_hz:g}", cable)
    return ok(told)


def _watch(bench: Bench, built: Any) -> tuple[int, float]:
    """How many different frames came in a second, and the greatest age at which the newest was read."""
    clock = bench.clock
    _first(bench, built)
    seen, oldest, end = set[int](), 0.0, clock.now() + LOOK_SECONDS
    while (now := clock.now()) < end:
        frame = built.read()
        seen.add(frame.number)
        oldest = max(oldest, clock.now() - frame.time_seconds)
        clock.sleep_until(now + POLL_SECONDS)
    return len(seen), oldest


def _first(bench: Bench, built: Any) -> None:
    require_kind(built.read().image, built.entry)
