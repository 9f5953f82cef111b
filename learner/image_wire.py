"""Images as they come over the wire, made raw again before anything else looks at them."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast

import numpy as np

from shared.codec import Buffer, malformed
from shared.image_codec import DEFLATE, JPEG, Decode, Image, Shape, decode_deflate

_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA


def decode_jpeg(data: Buffer, shape: Shape) -> Image:
    """The RGB image (H, W, 3) in JPEG data.

    Raises:
        ProtocolError: it is not such an image, or OpenCV is not installed here.
    """
    cv2 = _opencv()
    # Looked at first: a few bytes may claim a picture that no memory holds.
    if _size(bytes(data)) != shape[:2]:
        raise malformed(f"a JPEG image is not one of {list(shape)}")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise malformed(f"a JPEG image of {list(shape)} cannot be read: {error}") from error
    if image is None or image.shape != shape:
        raise malformed(f"a JPEG image of {list(shape)} is damaged")
    return cast(Image, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


DECODERS: Mapping[str, Decode] = {DEFLATE: decode_deflate, JPEG: decode_jpeg}


def _size(data: bytes) -> tuple[int, int] | None:
    """(height, width) as the frame header says; None where there is none (ITU-T T.81, B.2)."""
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF and data[at + 1] != _SCAN:
        if data[at + 1] in _START_OF_FRAME:
            return int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise malformed(
            "images arrive as JPEG and the learner has no OpenCV: install opencv-python-headless beside it, "
            "or start the actor with --uplink.image-compression lossless"
        ) from None
    return cast(ModuleType, cv2)
