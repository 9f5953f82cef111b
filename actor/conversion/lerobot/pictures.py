"""Pictures as PNG: nothing of them is lost."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]


def png(image: Image) -> bytes:
    """The file of an RGB picture (H, W, 3)."""
    ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert ok  # an uint8 picture of three channels always is one
    return data.tobytes()


def picture(data: bytes) -> Image | None:
    """The RGB picture (H, W, 3) in a PNG or JPEG file; None where there is none."""
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if read is None else np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.uint8)
