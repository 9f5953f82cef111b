"""The gripper, opened and closed: only where somebody has agreed."""

from typing import Any

from deploy.check.base import Outcome, fail, ok, skip
from deploy.check.bench import Bench
from deploy.check.robot_client import connect, first_state

MOTION_SECONDS, POLL_SECONDS = 5.0, 0.02
LEAST_TRAVEL_M = 0.01


def gripper(bench: Bench, config: Any) -> Outcome:
    """Close, then open, and measure how far the fingers went."""
    if not bench.may_move:
        return skip("left alone; --move opens and closes it, after a question")
    client = connect(bench, config, control=True)
    try:
        if first_state(bench, client).gripper is None:
            return skip("the robot server drives none")
        narrow = _widths(bench, client, opening=False)
        wide = _widths(bench, client, opening=True)
    finally:
        client.close()
    return judge(narrow, wide)


def judge(narrow_m: float, wide_m: float) -> Outcome:
    """Judge the widths that it came to rest at."""
    told = f"closed to {narrow_m * 1000:.0f} mm, opened to {wide_m * 1000:.0f} mm"
    if wide_m - narrow_m < LEAST_TRAVEL_M:
        return fail(
            f"it does not move: {told}",
            "power it, and home it (Franka: Desk, End effector; Robotiq: its serial cable)",
        )
    return ok(told)


def _widths(bench: Bench, client: Any, *, opening: bool) -> float:
    """The width once it rests, or after MOTION_SECONDS."""
    client.grip(opening)
    clock = bench.clock
    end, width, rested = clock.now() + MOTION_SECONDS, -1.0, 0
    while clock.now() < end and rested < 25:
        reading = client.peek().gripper
        rested = rested + 1 if abs(reading.width_m - width) < 1e-4 and reading.opening == opening else 0
        width = reading.width_m
        clock.sleep_until(clock.now() + POLL_SECONDS)
    return width
