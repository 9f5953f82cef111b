"""The robot server: whether it answers, what drives the arm, which state it is in, how well it keeps time."""

from typing import Any

from deploy.check.base import Check, Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench
from deploy.check.gripper import gripper
from deploy.check.robot_client import connect, first_state
from deploy.check.robot_config import robot_config
from robot_env.server.state import RobotState

LOOK_SECONDS, POLL_SECONDS = 1.0, 0.002
LEAST_HZ = 50.0
GOOD_SHARE, LEAST_SHARE = 0.95, 0.8

MODES: dict[str, tuple[str, str]] = {
    "reflex": (
        "an error stopped the arm",
        "look, free the arm, then stop and enable it by its activation device",
    ),
    "user_stop": (
        "a person stopped it",
        "put its activation device where it enables the arm (no white light)",
    ),
    "link_lost": (
        "the robot server cannot reach it",
        "unlock the joints and activate FCI in Desk; see its cable",
    ),
    "guiding": ("it is led by hand", "end the guiding before a policy is to move it"),
}


def checks(bench: Bench) -> list[Check]:
    """Reachable, in order, in time; and the gripper, where it may move."""
    config = robot_config(bench)
    if config is None:
        return [Check(name="arm", run=lambda: _other_arm(bench), deadline_seconds=15.0)]
    watcher = _Watcher(bench, config)
    return [
        Check(name="robot server", run=watcher.reach, deadline_seconds=config.connect_seconds + 5.0),
        Check(name="robot mode", run=lambda: watcher.judge(mode)),
        Check(name="robot rate", run=lambda: rate(bench, watcher.client)),
        Check(
            name="gripper", run=lambda: gripper(bench, config), deadline_seconds=config.connect_seconds + 30.0
        ),
    ]


class _Watcher:
    """One connection that watches, opened by the first check and used by the others."""

    def __init__(self, bench: Bench, config: Any) -> None:
        self._bench, self._config = bench, config
        self.client: Any | None = None

    def reach(self) -> Outcome:
        """Connect; raises LinkError when nobody answers."""
        client = connect(self._bench, self._config, control=False)
        self._bench.closing.callback(client.close)
        self.client = client
        return ok(f"{self._config.address}: {client.description}")

    def judge(self, judgement: Any) -> Outcome:
        """A judgement of the newest state."""
        return _unreachable() if self.client is None else judgement(first_state(self._bench, self.client))


def mode(state: RobotState) -> Outcome:
    """Whether a policy could move the arm."""
    if state.mode in MODES:
        what, cure = MODES[state.mode]
        return fail(f"{state.mode}: {state.reason or what}", cure)
    return ok(f"{state.mode}{f': {state.reason}' if state.reason else ''}")


def rate(bench: Bench, client: Any | None) -> Outcome:
    """States a second, and the share of commands that reach the arm in time, over a second."""
    if client is None:
        return _unreachable()
    clock, numbers, shares, ages = bench.clock, set[int](), list[float](), list[float]()
    end = clock.now() + LOOK_SECONDS
    while (now := clock.now()) < end:
        state = client.peek()
        if state.number not in numbers:
            numbers.add(state.number)
            shares.append(state.command_success_rate)
            ages.append(now - state.time_seconds)
        clock.sleep_until(now + POLL_SECONDS)
    return judge_rate(len(numbers) / LOOK_SECONDS, min(shares), max(ages))


def judge_rate(hz: float, share: float, age_seconds: float) -> Outcome:
    """Judge a second of states."""
    told = f"{hz:.0f} states/s, at most {age_seconds * 1000:.0f} ms old; {share:.0%} of commands in time"
    if share < LEAST_SHARE:
        return fail(
            told, "the arm will stop: real-time kernel, performance governor, a cable of its own to the arm"
        )
    if hz < LEAST_HZ:
        return warn(told, "relieve the robot's computer or the network between; about 100 are usual")
    if share < GOOD_SHARE:
        return warn(told, "performance governor, and a network card for the arm alone (docs/bring-up.md)")
    return ok(told)


def _unreachable() -> Outcome:
    return skip("the robot server does not answer")


def _other_arm(bench: Bench) -> Outcome:
    from deploy.check.arm import arm

    if bench.lab.arm is None:
        return skip("no arm is named; --lab FILE or --robot tcp://HOST:5570 names one")
    return arm(bench, bench.lab.arm)
