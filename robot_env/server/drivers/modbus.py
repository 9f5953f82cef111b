"""Modbus RTU over a serial line, as much of it as a gripper needs: read and write 16-bit registers.

Frames are slave, function, payload, CRC; the CRC-16 is Modbus' own (polynomial 0xA001 reflected, start
0xFFFF), low byte first. One request is under way at a time; several threads may ask.
"""

import struct
import termios
import threading
from collections.abc import Sequence

import serial

from shared.errors import DriverLost

READ_REGISTERS, WRITE_REGISTERS = 0x03, 0x10
EXCEPTION = 0x80
ATTEMPTS = 3
CRC_BYTES = 2


def crc16(data: bytes) -> bytes:
    """The two bytes that end a frame."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def read_request(slave: int, address: int, count: int) -> bytes:
    """Ask for registers."""
    frame = struct.pack(">BBHH", slave, READ_REGISTERS, address, count)
    return frame + crc16(frame)


def write_request(slave: int, address: int, values: Sequence[int]) -> bytes:
    """Set registers."""
    frame = struct.pack(">BBHHB", slave, WRITE_REGISTERS, address, len(values), 2 * len(values))
    frame += struct.pack(f">{len(values)}H", *values)
    return frame + crc16(frame)


class Modbus:
    """One slave on one serial port."""

    def __init__(self, port: str, baud: int, slave: int, answer_seconds: float) -> None:
        self._slave, self._port = slave, port
        self._lock = threading.Lock()
        try:
            self._line = serial.Serial(port, baud, timeout=answer_seconds, write_timeout=answer_seconds)
        except (serial.SerialException, OSError) as error:
            raise self._lost(f"cannot be opened: {error}") from error

    def read(self, address: int, count: int) -> tuple[int, ...]:
        """Registers from an address on; DriverLost when none comes."""
        answer = self._ask(read_request(self._slave, address, count), 3 + 2 * count + CRC_BYTES)
        return struct.unpack(f">{count}H", answer[3:-CRC_BYTES])

    def write(self, address: int, values: Sequence[int]) -> None:
        """Set registers; DriverLost when that is not confirmed."""
        self._ask(write_request(self._slave, address, values), 6 + CRC_BYTES)

    def close(self) -> None:
        """Close the port; harmless twice."""
        self._line.close()

    def _ask(self, request: bytes, length: int) -> bytes:
        answer = b""
        with self._lock:
            for _ in range(ATTEMPTS):
                answer = self._exchange(request, length)
                if self._answers(answer, request, length):
                    return answer
        raise self._lost(f"does not answer (last {answer.hex(' ') or 'nothing'})")

    def _exchange(self, request: bytes, length: int) -> bytes:
        try:
            self._line.reset_input_buffer()
            self._line.write(request)
            return self._line.read(length)
        except (serial.SerialException, OSError, termios.error) as error:
            raise self._lost(f"is gone: {error}") from error

    def _answers(self, answer: bytes, request: bytes, length: int) -> bool:
        whole = len(answer) == length and crc16(answer[:-CRC_BYTES]) == answer[-CRC_BYTES:]
        return whole and answer[:2] == request[:2]

    def _lost(self, what: str) -> DriverLost:
        cure = "check its power, its cable and that this user may open the port (deploy/udev)"
        return DriverLost(f"gripper at {self._port}", what, cure)
