"""From a report to the control thread, and how soon the arm rests when a device falls silent; wall clock.

A SpaceMouse's raw reports go through pyspacemouse's parser, a pad's through SDL, keys through a pseudo
terminal into a process of their own. The last motion that a device proposes lasts one period of 10 Hz.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.teleop.base import TeleopDevice
from robot_env.teleop.gamepad import Gamepad, GamepadConfig
from robot_env.teleop.recorded_hid import RecordedBus, Recording
from robot_env.teleop.spacemouse import SpaceMouse, SpaceMouseConfig
from robot_env.teleop.steering import Steering
from shared.clock import ManualClock, SystemClock
from tests.actor.operating.terminal import Terminal
from tests.results import record
from tests.robot_env.teleop.hands import COMPACT, SHOULDER, until
from tests.robot_env.teleop.virtual_pad import VirtualPad

SLACK = 5.0
LATENCY_MS, REST_MS, PERIOD_MS = 30.0, 200.0, 100.0
LOOK_SECONDS, REPORT_SECONDS = 0.0005, 0.008
MISSED_SECONDS = 0.5
"""A report that the control thread came too late for: it counts as having taken so long."""
TYPED = """
import json, sys, time
from actor.operating.attendance import attended
from actor.operating.config import OperatorConfig
from actor.rewards.environment import EnvironmentReward
from actor.stop import StopSignal
from robot_env.registry import make
from robot_env.teleop.keyboard import KeyboardConfig
from shared.clock import ManualClock
env = make("reach", clock=ManualClock(), arm="point")
observation, _ = env.reset(seed=0)
device = KeyboardConfig().build(env.unwrapped.interface, env)
stop = StopSignal()
with stop.on_signals(), attended(OperatorConfig(sound=False), stop, EnvironmentReward(), device):
    print("listening")
    while stop.cause is None:
        action = device.read(observation)
        if action is not None and action[:3].any():
            print(f"<{time.monotonic()}>")
        time.sleep(0.0005)
"""


class Bench:
    """A device on the wall clock, and a hand that moves it up and down."""

    def __init__(self, device: TeleopDevice, env: RobotEnv, hand: Any) -> None:
        self.device, self.hand = device, hand
        self._observation, _ = env.reset(seed=0)

    def height(self) -> float:
        action = self.device.read(self._observation)
        return 0.0 if action is None else float(action[2])

    def latency_ms(self, way: float) -> float:
        """From a report until the control thread would act by it, MISSED_SECONDS at most."""
        began = time.monotonic()
        self.hand.lift(way)
        while self.height() * way <= 0.0 and time.monotonic() < began + MISSED_SECONDS:
            time.sleep(LOOK_SECONDS)
        return 1e3 * (time.monotonic() - began)

    def rest_ms(self) -> float:
        """From the last report until the end of the last period that moves."""
        for number in range(20):
            self.hand.lift(0.5 + 0.02 * number)
            time.sleep(REPORT_SECONDS)
        until(lambda: self.height() > 0.0)
        self.hand.lift(1.0)
        silent = last = time.monotonic()
        self.hand.fall_silent()
        while time.monotonic() < silent + 0.4:
            if self.height():
                last = time.monotonic()
            time.sleep(LOOK_SECONDS)
        return 1e3 * (last - silent) + PERIOD_MS


class Cap:
    """A SpaceMouse."""

    def __init__(self, bus: RecordedBus) -> None:
        self._bus = bus

    def lift(self, way: float) -> None:
        self._bus.say(
            bytes(5).replace(b"\0", b"\1", 1) + round(-350 * way).to_bytes(2, "little", signed=True)
        )

    def fall_silent(self) -> None:
        """It does, unless it is moved."""


class Sticks:
    """A pad, its dead-man button held."""

    def __init__(self, device: Gamepad) -> None:
        self._device = device
        self._pad = VirtualPad()
        self._hold()

    def _hold(self) -> None:
        until(lambda: not self._device.lost)
        self._pad.press(SHOULDER)

    def lift(self, way: float) -> None:
        if self._device.lost:
            self._pad = VirtualPad()
            self._hold()
        self._pad.tilt(3, -way)

    def fall_silent(self) -> None:
        self._pad.unplug()


@contextmanager
def bench(name: str) -> Iterator[Bench]:
    env, clock = make("reach", clock=ManualClock(), arm="point"), SystemClock()
    assert isinstance(env, RobotEnv)
    config = SpaceMouseConfig() if name == "spacemouse" else GamepadConfig()
    steering = Steering(config.steering, env.interface, env, clock)
    if isinstance(config, SpaceMouseConfig):
        bus = RecordedBus(Recording(device=COMPACT), clock)
        device, hand = SpaceMouse(config, steering, clock, bus), Cap(bus)
    else:
        device = Gamepad(config, steering, clock)
        hand = Sticks(device)
    try:
        yield Bench(device, env, hand)
    finally:
        hand.fall_silent()
        device.close()
        env.close()


def spread(values: list[float], name: str) -> dict[str, float]:
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {f"{name}_{word}_ms": round(float(np.quantile(values, q)), 2) for word, q in shares.items()}


def of_a_hand(name: str, reports: int, rests: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    with bench(name) as tried:
        latencies = []
        for number in range(reports):
            latencies.append(tried.latency_ms(1.0 if number % 2 else -1.0))
            time.sleep(rng.uniform(0.001, 0.02))
        rested = [tried.rest_ms() for _ in range(rests)]
    return spread(latencies, "latency") | spread(rested, "rest")


def of_the_keyboard(reports: int, rests: int) -> dict[str, float]:
    """Each key is seen once, by when the control thread read it."""
    rng, terminal, latencies = np.random.default_rng(0), Terminal(), []
    try:
        terminal.run(["-c", TYPED])
        terminal.wait_for("listening", 60.0)
        for _ in range(reports):
            before, typed = len(times(terminal)), time.monotonic()
            terminal.type("\x1b[A")
            while len(times(terminal)) == before and time.monotonic() < typed + MISSED_SECONDS:
                time.sleep(LOOK_SECONDS)
                terminal.read()
            seen = times(terminal)[before:] or [typed + MISSED_SECONDS]
            latencies.append(1e3 * (seen[0] - typed))
            time.sleep(rng.uniform(0.001, 0.02))
        rested = []
        for _ in range(rests):
            for _ in range(20):
                terminal.type("\x1b[A")
                last_typed = time.monotonic()
                time.sleep(REPORT_SECONDS)
            time.sleep(0.4)
            terminal.read()
            rested.append(1e3 * (times(terminal)[-1] - last_typed) + PERIOD_MS)
        terminal.type("q")
        assert terminal.end() == 0
    finally:
        terminal.close()
    return spread(latencies, "latency") | spread(rested, "rest")


def times(terminal: Terminal) -> list[float]:
    return [float(seen) for seen in re.findall(r"<([\d.]+)>", terminal.seen)]


MEASURED: dict[str, Callable[[int, int], dict[str, float]]] = {
    "spacemouse": lambda reports, rests: of_a_hand("spacemouse", reports, rests),
    "gamepad": lambda reports, rests: of_a_hand("gamepad", reports, rests),
    "keyboard": of_the_keyboard,
}


@pytest.mark.realtime
@pytest.mark.parametrize("name", sorted(MEASURED))
def test_a_report_reaches_the_control_thread_and_its_end_too(name: str) -> None:
    figures = MEASURED[name](150, 4)
    print(name, json.dumps(figures))
    assert figures["latency_p99_ms"] < SLACK * LATENCY_MS
    assert figures["rest_max_ms"] < SLACK * REST_MS


@pytest.mark.acceptance
def test_reports_arrive_within_30_ms_and_nothing_moves_200_ms_after_silence() -> None:
    figures = {name: measure(500, 15) for name, measure in MEASURED.items()}
    record("teleop", figures, {"reports": 500, "silences": 15, "control_hz": 10})
    for name, measured in figures.items():
        assert measured["latency_p99_ms"] < LATENCY_MS, name
        assert measured["rest_max_ms"] <= REST_MS, name
