"""The Robotiq gripper: golden frames of its manual, and a gripper on a pseudo-terminal that speaks them."""

import os
import pty
import select
import struct
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from robot_env.server.drivers.modbus import crc16, read_request, write_request
from robot_env.server.drivers.robotiq import RobotiqHand, RobotiqHandConfig
from shared.errors import ConfigError, DriverLost

COUNTS_PER_SECOND = 2000.0


class SimulatedRobotiq:
    """Registers, fingers that move at a constant speed, and an object that stops them at `blocked_at`."""

    def __init__(self) -> None:
        self.line, terminal = pty.openpty()
        tty.setraw(terminal)
        self.port = os.ttyname(terminal)
        self._terminal = terminal
        self.position, self.blocked_at, self.fault = 3.0, 255, 0
        self.activated, self.going, self.asked = False, False, 0
        self.speed = self.force = 0
        self.silent, self.garbled = False, 0
        self.activations = 0
        self._moved = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5.0)
        os.close(self.line)
        os.close(self._terminal)

    def _serve(self) -> None:
        held = b""
        while not self._over.is_set():
            if not select.select([self.line], [], [], 0.02)[0]:
                continue
            held += os.read(self.line, 256)
            length = 8 if held[1:2] == b"\x03" else 9 + (held[6] if len(held) > 6 else 0)
            if len(held) >= length:
                answer, held = self._answer(held[:length]), held[length:]
                if not self.silent:
                    os.write(self.line, answer)

    def _answer(self, frame: bytes) -> bytes:
        assert crc16(frame[:-2]) == frame[-2:]
        if frame[1] == 0x10:
            self._obey(frame[7:13])
            body = frame[:6]
        else:
            body = bytes([9, 3, 6]) + self._status()
        if self.garbled:
            self.garbled -= 1
            return body + b"\x00\x00"
        return body + crc16(body)

    def _obey(self, told: bytes) -> None:
        self._move()
        activate, go = bool(told[0] & 1), bool(told[0] & 8)
        self.activations += activate and not self.activated
        self.activated, self.going = activate, go
        if go:
            self.asked, self.speed, self.force = told[3], told[4], told[5]

    def _move(self) -> None:
        now = time.monotonic()
        reach, self._moved = COUNTS_PER_SECOND * (now - self._moved), now
        if self.going:
            goal = min(max(self.asked, 3), 230, self.blocked_at)
            self.position += min(max(goal - self.position, -reach), reach)

    def _status(self) -> bytes:
        self._move()
        goal = min(max(self.asked, 3), 230, self.blocked_at)
        arrived = self.going and self.position == goal
        found = 2 if arrived and goal == self.blocked_at else 3 if arrived else 0
        status = found << 6 | (3 if self.activated else 0) << 4 | self.going << 3 | self.activated
        return struct.pack(">6B", status, 0, self.fault, self.asked, round(self.position), 0)


@pytest.fixture
def gripper() -> Iterator[SimulatedRobotiq]:
    made = SimulatedRobotiq()
    yield made
    made.close()


@pytest.fixture
def hand(gripper: SimulatedRobotiq) -> Iterator[RobotiqHand]:
    made = RobotiqHandConfig(port=gripper.port).build()
    yield made
    made.close()
    made.close()


@pytest.mark.parametrize(
    ("made", "golden"),
    [
        (write_request(9, 0x03E8, (0, 0, 0)), "09 10 03 E8 00 03 06 00 00 00 00 00 00 73 30"),
        (write_request(9, 0x03E8, (0x0100, 0, 0)), "09 10 03 E8 00 03 06 01 00 00 00 00 00 72 E1"),
        (read_request(9, 0x07D0, 1), "09 03 07 D0 00 01 85 CF"),
        (write_request(9, 0x03E8, (0x0900, 0xFF, 0xFFFF)), "09 10 03 E8 00 03 06 09 00 00 FF FF FF 42 29"),
        (write_request(9, 0x03E8, (0x0900, 0, 0xFFFF)), "09 10 03 E8 00 03 06 09 00 00 00 FF FF 72 19"),
    ],
)
def test_frames_are_those_of_the_manual(made: bytes, golden: str):
    assert made == bytes.fromhex(golden)


def test_it_activates_once_and_only_where_needed(gripper: SimulatedRobotiq):
    RobotiqHandConfig(port=gripper.port).build()
    RobotiqHandConfig(port=gripper.port).build()
    assert gripper.activations == 1


def test_open_half_and_closed(hand: RobotiqHand):
    hand.move(hand.max_width_m, 0.15)
    assert hand.read().width_m == pytest.approx(0.085)
    hand.move(0.04, 0.15)
    assert hand.read().width_m == pytest.approx(0.04, abs=0.0003)  # one count is 0.37 mm
    hand.grasp(20.0, 0.15)
    assert hand.read().width_m == 0.0
    assert not hand.read().moving


def test_a_grasp_ends_at_what_is_between_the_fingers(gripper: SimulatedRobotiq, hand: RobotiqHand):
    gripper.blocked_at = 120
    hand.grasp(force_n=235.0, speed_m_s=0.02)
    assert hand.read().width_m == pytest.approx((230 - 120) / 227 * 0.085)
    assert (gripper.speed, gripper.force) == (0, 255)


def test_stop_ends_a_motion_that_another_thread_waits_for(gripper: SimulatedRobotiq, hand: RobotiqHand):
    gripper.blocked_at = 255
    closing = threading.Thread(target=hand.grasp, args=(20.0, 0.15))
    closing.start()
    hand.stop()
    closing.join(5.0)
    assert not closing.is_alive()


def test_a_garbled_answer_is_asked_again(gripper: SimulatedRobotiq, hand: RobotiqHand):
    gripper.garbled = 2
    assert hand.read().width_m == pytest.approx(0.085)


def test_silence_is_a_lost_driver(gripper: SimulatedRobotiq):
    hand = RobotiqHandConfig(port=gripper.port, answer_seconds=0.02).build()
    gripper.silent = True
    with pytest.raises(DriverLost, match=r"does not answer.*\n.*cable"):
        hand.read()
    hand.close()


def test_its_own_faults_are_told(gripper: SimulatedRobotiq, hand: RobotiqHand):
    gripper.fault = 14
    with pytest.raises(DriverLost, match="current is too high"):
        hand.read()
    gripper.fault = 0


def test_a_port_that_is_not_there_is_named():
    with pytest.raises(DriverLost, match="gripper at /dev/not-there: cannot be opened"):
        RobotiqHandConfig(port="/dev/not-there").build()


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="open < closed"):
        RobotiqHandConfig(open_count=200, closed_count=100)
    with pytest.raises(ConfigError, match="slave of 1 to 247"):
        RobotiqHandConfig(slave=0)
