"""Each camera of the lab: whether it delivers, how fast, and how fresh its frames are."""

import statistics
from contextlib import closing
from functools import partial
from typing import Any

from deploy.check.base import Check, Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench, name_of, uncropped
from robot_env.arms.real_world import RealWorld
from robot_env.cameras.base import CameraConfig
from robot_env.cameras.freshness import MAX_AGE_SECONDS, require_kind

OPEN_SECONDS = 20.0
LOOK_SECONDS, POLL_SECONDS = 1.0, 0.004
CABLE = "plug it into a USB 3 port of its own, with a short cable; see the usb lines"
RATE_SHARE = 0.8
SIMULATED = "robot_env.cameras.mujoco"


def checks(bench: Bench) -> list[Check]:
    """One for every camera."""
    if not bench.lab.cameras:
        return [Check(name="cameras", run=lambda: skip("the lab file names none"))]
    return [
        Check(
            name=f"camera {name_of(each)}",
            run=partial(camera, bench, each),
            deadline_seconds=OPEN_SECONDS + LOOK_SECONDS + 5.0,
        )
        for each in bench.lab.cameras
    ]


def camera(bench: Bench, config: CameraConfig) -> Outcome:
    """Read a second of frames."""
    raw = uncropped(config)
    if type(raw).__module__ == SIMULATED:
        return skip("drawn by the simulated arm")
    with closing(config.build(RealWorld(()), bench.clock)) as built:
        require_kind(built.read().image, built.entry)
        numbers, ages = _watch(bench, built)
    asked, control = getattr(raw, "fps", None), bench.task.settings.control_hz
    return judge(len(numbers) / LOOK_SECONDS, ages, asked_hz=asked, control_hz=control)


def judge(hz: float, ages_seconds: list[float], *, asked_hz: float | None, control_hz: float) -> Outcome:
    """Judge a second of frames: how many were new, and how old the newest was each time it was read."""
    oldest = max(ages_seconds)
    told = f"{hz:.0f} new frames/s, at most {oldest * 1000:.0f} ms old"
    if hz < control_hz:
        return fail(f"{told}; the task looks {control_hz:g} times a second", CABLE)
    if statistics.median(ages_seconds) > MAX_AGE_SECONDS:
        return fail(f"{told}; steps take frames of {MAX_AGE_SECONDS:g} s at most", CABLE)
    if oldest > MAX_AGE_SECONDS:
        return warn(f"{told}; a step that meets such a frame ends its episode", CABLE)
    if asked_hz is not None and hz < RATE_SHARE * asked_hz:
        return warn(f"{told}; it is set to {asked_hz:g}", CABLE)
    return ok(told)


def _watch(bench: Bench, built: Any) -> tuple[set[int], list[float]]:
    """Which different frames came in a second, and how old the newest was each time."""
    clock = bench.clock
    seen, ages, end = set[int](), list[float](), clock.now() + LOOK_SECONDS
    while (now := clock.now()) < end:
        frame = built.read()
        seen.add(frame.number)
        ages.append(clock.now() - frame.time_seconds)
        clock.sleep_until(now + POLL_SECONDS)
    return seen, ages
