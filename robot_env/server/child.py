"""The process that owns the arm: it connects, runs the servo, and dies without taking anything along.

It speaks the robot's messages over a socket pair. Whatever hangs here, a constructor or a call into a
vendor's library, is ended by the parent, which kills this process. If the parent dies, the arm is held,
stopped and disconnected, and the process exits.
"""

import logging
import os
import signal
import socket
import sys
from typing import Any

from robot_env.server.child_link import ChildLink
from robot_env.server.config import RobotServerConfig
from robot_env.server.drivers.base import DriverConfig, HandDriverConfig
from robot_env.server.hand_thread import HandThread
from robot_env.server.realtime import ask_for_realtime
from robot_env.server.servo import Servo
from robot_env.server.state import RobotEvent
from robot_env.server.told_once import ToldOnce
from robot_env.server.wire import failure, impedance_of, measurement, pose_of, wire_event
from shared.clock import SystemClock
from shared.errors import ConfigError, HandsOnError
from shared.robot_protocol import (
    Compliance,
    Driver,
    Enable,
    Grip,
    Guide,
    HoldPose,
    Leave,
    Lost,
    Recover,
    Reply,
    Reset,
    ResetJoints,
    SetPoint,
    Shutdown,
)

log = logging.getLogger(__name__)

FORMAT = "%(asctime)s %(levelname)s %(name)s [driver process] %(message)s"
HAND_CLOSE_SECONDS = 0.5
SETTLE_SECONDS = 0.5


def main(
    pair: socket.socket,
    config: RobotServerConfig,
    driver: DriverConfig,
    hand: HandDriverConfig | None,
) -> None:
    """Serve until told to stop, the parent is gone, or the arm is lost."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever asks the parent to end asks for an orderly end
    logging.basicConfig(
        level=logging.INFO if config.verbose else logging.WARNING, format=FORMAT, stream=sys.stderr
    )
    link = ChildLink(pair)
    try:
        DriverProcess(link, config, driver, hand).run()
    except HandsOnError as error:
        link.send(Lost(f"{error.cause}; {error.cure}"))
    except ModuleNotFoundError as error:
        cure = "install the driver's extra: make install ROLE=robot WITH=fr3, panda or robotiq"
        link.send(Lost(f"{error.name} is not installed here; {cure}"))
    finally:
        link.close()


class DriverProcess:
    """Driver, hand and servo of one connection."""

    def __init__(
        self,
        link: ChildLink,
        config: RobotServerConfig,
        driver: DriverConfig,
        hand: HandDriverConfig | None,
    ) -> None:
        self._link, self._config, self._clock = link, config, SystemClock()
        if config.realtime:
            ask_for_realtime()
        self._driver = driver.build()
        self._servo = Servo(
            self._driver,
            config,
            self._clock,
            report=self._report,
            tell=self._tell_event,
        )
        self._once = ToldOnce(self._servo.modes)
        self._hand = None
        if hand is not None:
            self._hand = HandThread(hand, config.gripper, self._clock, self._gripper_may_move)
        self._number = 0
        link.send(Driver(self._driver.description))

    def run(self) -> None:
        """Tick until the end is asked for."""
        period, every = 1.0 / self._config.servo_hz, 1.0 / self._config.state_hz
        due = told = self._clock.now()
        try:
            while self._obey():
                self._servo.tick()
                now = self._clock.now()
                if now >= told:
                    told = max(told + every, now - every)
                    self._tell()
                due = max(due + period, now)
                self._clock.sleep_until(due)
            self._leave()
        finally:
            if self._hand is not None:
                self._hand.close(HAND_CLOSE_SECONDS)
            self._driver.close()

    def _leave(self) -> None:
        """Hold, come to rest within a bounded time."""
        self._servo.release()
        deadline = self._clock.now() + SETTLE_SECONDS
        while self._clock.now() < deadline and self._driver.read().activity != "idle":
            self._clock.sleep_until(self._clock.now() + 1.0 / self._config.servo_hz)

    def _tell(self) -> None:
        self._number += 1
        hand = None if self._hand is None else self._hand.reading()
        modes = self._servo.modes
        self._link.send(measurement(self._number, self._servo.state, hand, modes.mode, modes.reason))

    def _tell_event(self, event: RobotEvent) -> None:
        self._link.send(wire_event(event))

    def _report(self, request: int, error: HandsOnError | None) -> None:
        self._tell()  # so that whoever hears the reply has seen what it led to
        self._link.send(Reply(request, None if error is None else failure(error)))

    def _obey(self) -> bool:
        """Carry out what came; of set-points only the newest. False when it is time to leave."""
        newest: SetPoint | None = None
        for message in self._link.receive():
            if isinstance(message, Shutdown):
                return False
            if isinstance(message, SetPoint):
                newest = message
            else:
                newest = None if isinstance(message, HoldPose) else newest
                self._carry_out(message)
        if newest is not None:
            age = self._clock.now() - newest.time_seconds
            self._servo.set_point(pose_of(newest.pose), age, newest.period_seconds)
        return self._link.open

    def _carry_out(self, message: Any) -> None:
        servo = self._servo
        match message:
            case HoldPose():
                servo.hold()
            case Leave():
                self._part()
            case Grip():
                self._grip(message.opening)
            case Enable():
                servo.enable(message.request)
            case Compliance():
                self._comply(message)
            case Reset():
                servo.reset(pose_of(message.pose), message.timeout_seconds, message.request)
            case ResetJoints():
                servo.reset_joints(message.timeout_seconds, message.request)
            case Recover():
                servo.recover(message.operator, message.request)
            case Guide():
                servo.guide(message.on, message.request)
            case _:
                log.warning("the driver process does not know %s", type(message).__name__)

    def _gripper_may_move(self) -> bool:
        """Not while somebody may have their fingers in it."""
        return self._servo.modes.mode not in ("reflex", "user_stop")

    def _grip(self, opening: bool) -> None:
        if self._hand is None:
            return
        refused = not self._hand.grip(opening)
        why = f"the gripper is not moved in {self._servo.modes.mode}"
        self._once.tell("guard", (why,) if refused else (), self._clock.now())

    def _part(self) -> None:
        """Whoever controlled the arm is gone: no reset goes on, and nobody leads it, without them."""
        if self._servo.modes.mode in ("resetting", "guiding"):
            self._servo.end_motion("whoever asked for it is gone", self._clock.now())

    def _comply(self, message: Compliance) -> None:
        try:
            impedance = impedance_of(message)
        except ConfigError as error:
            self._report(message.request, error)
            return
        self._servo.comply(impedance, message.request)


def run_and_exit(*arguments: Any) -> None:
    """`main`, then the end of the process at once: a vendor's thread that hangs is left behind."""
    main(*arguments)
    sys.stderr.flush()
    os._exit(0)
