"""One teleop device under a hand: whether its axes move, and come to rest."""

import sys
from contextlib import closing

import numpy as np

from deploy.check.base import Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench
from robot_env.description import describe_world
from robot_env.geometry import Vector
from robot_env.tasks.reach import Reach
from robot_env.teleop.base import ShowsAxes

AXES = ("right-left", "away-near", "up-down", "tilt away-near", "tilt right-left", "turn")
WATCH_SECONDS, POLL_SECONDS = 15.0, 0.02
MOVED, RESTS, RESTED_POLLS = 0.3, 0.1, 25
ASK = "push it all the way in every direction, tilt and turn it, then let go"


def hand(bench: Bench, name: str, seconds: float = WATCH_SECONDS) -> Outcome:
    """Ask for it to be moved, show its axes meanwhile, and judge them."""
    device = bench.lab.device(name).build(describe_world(Reach(), ()))
    with closing(device):
        if not isinstance(device, ShowsAxes):
            return skip("it has no axes")
        if device.lost:
            return fail(*(part.strip() for part in f"{device.lost} ->".split("->")[:2]))
        print(f"{name}: {ASK} ({seconds:g} s)", file=sys.stderr)
        farthest, last = _watch(bench, device, seconds)
        return judge(farthest, last, device.lost)


def judge(farthest: Vector, last: Vector, lost: str) -> Outcome:
    """Judge how far each axis (6,) went, where it was at last, and whether the device is still there."""
    if lost:
        return fail("it went away while it was moved", "try another cable or port; charge its battery")
    if farthest.max() < RESTS:
        return fail(
            "it is plugged in and open, and says nothing",
            "move it; switch it on; try its cable where it was on Bluetooth, or the other way round; "
            "end other programs that read it",
        )
    if (unsteady := np.abs(last) > RESTS).any():
        return warn(
            f"it does not come to rest: {_named(unsteady)}",
            "let go of it, plug it in again without touching it, or raise dead_zone in the lab file",
        )
    if (still := farthest < MOVED).any():
        return warn(
            f"{_named(~still)} move, {_named(still)} did not",
            "push farther; where an axis is dead or another one moves: handson demo calibrate",
        )
    return ok("all six axes move and come to rest")


def _named(which: np.ndarray) -> str:
    return ", ".join(name for name, chosen in zip(AXES, which, strict=True) if chosen) or "none"


def _watch(bench: Bench, device: ShowsAxes, seconds: float) -> tuple[Vector, Vector]:
    """How far each axis went, and where it was at last; ends early once all moved and rest again."""
    clock, farthest, rested = bench.clock, np.zeros(6), 0
    end = clock.now() + seconds
    while clock.now() < end and rested < RESTED_POLLS and not device.lost:
        axes = device.raw_axes
        farthest = np.maximum(farthest, np.abs(axes))
        at_rest = bool((np.abs(axes) < RESTS).all() and (farthest > MOVED).all())
        rested = rested + 1 if at_rest else 0
        print("\r" + "  ".join(f"{value:+.2f}" for value in axes), end="", file=sys.stderr, flush=True)
        clock.sleep_until(clock.now() + POLL_SECONDS)
    print(file=sys.stderr)
    return farthest, device.raw_axes
