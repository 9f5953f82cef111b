"""agentlace's wire, as SERL and HIL-SERL speak it (its Trainer mode, version 0.0.2).

One frame is one message: an LZ4 frame of a pickle. What comes is read by `foreign_values`, which runs no
code; what goes is written plainly. Source of the format: github.com/youliangtan/agentlace, 76984f9.
"""

import importlib
import json
import re
from typing import Any, cast

from shared.errors import ConfigError
from shared.foreign_pickle import MAX_OPCODES
from shared.foreign_values import read_values
from shared.plain_pickle import write_pickle

STAGE = "agentlace"
VERSION = "0.0.2"
STATS = "send-stats"
_PORTS = re.compile(r"([0-9]{1,5}),([0-9]{1,5})")
MAX_MESSAGE_BYTES = 1 << 30
FREE_BYTES, BYTES_PER_BYTE = 1 << 27, 32
FREE_OPCODES, OPCODES_PER_BYTE = 300_000, 8
"""What a frame may unpack to beside its own length: LZ4 alone makes 255 bytes, and work for them, of one."""
CURE = "let agentlace send dicts, lists, texts, numbers and numpy arrays of plain numbers"


def encode(value: object) -> bytes:
    """One message, of what `write_pickle` takes."""
    return cast(bytes, _lz4().compress(write_pickle(value)))


def decode(data: bytes | memoryview, whose: str, max_bytes: int = MAX_MESSAGE_BYTES) -> Any:
    """What one message says: plain values and numpy arrays; numpy scalars are arrays of shape ().

    Raises:
        ConfigError: it is no such message, larger than `max_bytes` or than such a frame ever is, or names
            code (none of it was run).
    """
    unpacked = _unpacked(data, whose, min(max_bytes, FREE_BYTES + BYTES_PER_BYTE * len(data)))
    most = min(MAX_OPCODES, FREE_OPCODES + OPCODES_PER_BYTE * len(data))
    return read_values(unpacked, whose, cure=CURE, most=most)


def handshake(request_port: int, broadcast_port: int, request_types: tuple[str, ...] = (STATS,)) -> str:
    """What both sides must say alike: the configuration as agentlace writes it, ports included."""
    config = {
        "port_number": request_port,
        "broadcast_port": broadcast_port,
        "request_types": list(request_types),
        "rate_limit": None,
        "version": VERSION,
        "experimental_pipeline_port": None,
    }
    return json.dumps(config, separators=(",", ":"))


def parse_ports(text: str) -> tuple[int, int]:
    """`5488,5489` as two numbers; 0 is any free port."""
    match = _PORTS.fullmatch(text)
    ports = (int(match[1]), int(match[2])) if match else (65536, 65536)
    if max(ports) > 65535 or (ports[0] == ports[1] != 0):
        raise ConfigError(
            STAGE,
            f"{text!r} is not a pair of ports",
            "write REQUESTS,BROADCASTS, as in 5488,5489 for SERL or 5588,5589 for HIL-SERL",
        )
    return ports


def require_lz4() -> None:
    """Raise ConfigError where python-lz4 is missing."""
    _lz4()


def _unpacked(data: bytes | memoryview, whose: str, max_bytes: int) -> bytes:
    unpacker = _lz4().LZ4FrameDecompressor()
    try:
        unpacked = cast(bytes, unpacker.decompress(bytes(data), max_length=max_bytes + 1))
    except (RuntimeError, ValueError, MemoryError, EOFError) as error:
        raise ConfigError(whose, f"is no LZ4 frame: {error}", CURE) from None
    if len(unpacked) > max_bytes:
        raise ConfigError(whose, f"is larger than {max_bytes} bytes", "send fewer transitions at once")
    if not unpacker.eof:
        raise ConfigError(whose, "is cut off", CURE)
    return unpacked


def _lz4() -> Any:
    try:
        return importlib.import_module("lz4.frame")
    except ImportError:
        raise ConfigError(STAGE, "python-lz4 is not installed", "pip install 'lz4>=4.4,<5'") from None
