"""Images on their way over a slow wire: encoded after they were packed, decoded before they are unpacked.

An encoded array's header says `uint8+deflate` or `uint8+jpeg` where a raw one says `uint8`, and its buffer
has any length. Deflate is here; JPEG needs OpenCV, so its two halves live where they are used
(`actor.image_wire`, `learner.image_wire`). What is not an (H, W, 3) image, or would not become smaller, stays
as it is.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.array_codec import MAX_MESSAGE_BYTES, Buffer, malformed
from shared.protocol import ArrayHeader, Records
from shared.record_forms import headers_of, pack_headers

Image = NDArray[np.uint8]
Shape = tuple[int, ...]
Encode = Callable[[Image], bytes]
Decode = Callable[[Buffer, Shape], Image]

RAW = "uint8"
DEFLATE = "uint8+deflate"
JPEG = "uint8+jpeg"
MOST_DECODED_BYTES = 4 * MAX_MESSAGE_BYTES
"""Of all images of a message: a deflated one is up to a thousand times as large as its buffer."""
_LEVEL = 1
_CHANNELS = 3


def encode_deflate(image: Image) -> bytes:
    """Without loss: differences to the row above, modulo 256, deflated (fast level)."""
    rows = image.copy()
    rows[1:] -= image[:-1]
    return zlib.compress(rows.tobytes(), _LEVEL)


def decode_deflate(data: Buffer, shape: Shape) -> Image:
    """The image (H, W, 3) behind `encode_deflate`; never more memory than its shape needs.

    Raises:
        ProtocolError: the data is not that of such an image.
    """
    size = prod(shape)
    unpacker = zlib.decompressobj()
    try:
        rows = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise malformed(f"a deflated image of {list(shape)} is not one: {error}") from error
    if len(rows) != size or not unpacker.eof:
        raise malformed(f"a deflated image of {list(shape)} has {len(rows)} bytes, not {size}")
    return np.cumsum(np.frombuffer(rows, np.uint8).reshape(shape), axis=0, dtype=np.uint8)


def encode_images(
    arrays: Iterable[ArrayHeader], buffers: Sequence[Buffer], name: str, encode: Encode
) -> tuple[tuple[ArrayHeader, ...], list[Buffer]]:
    """Headers and buffers of packed arrays, with the images among them encoded under that name."""
    headers: list[ArrayHeader] = []
    sent: list[Buffer] = []
    source = iter(buffers)
    for header in arrays:
        if header.inline is None:
            raw = next(source)
            data = encode(np.frombuffer(raw, np.uint8).reshape(header.shape)) if _is_image(header) else raw
            if len(data) < len(raw):
                header, raw = msgspec.structs.replace(header, dtype=name), data
            sent.append(raw)
        headers.append(header)
    return tuple(headers), sent


def decode_images(
    message: Records, buffers: Sequence[Buffer], decoders: Mapping[str, Decode]
) -> tuple[Records, Sequence[Buffer]]:
    """The same records with every image raw; the arguments themselves where none is encoded.

    Raises:
        ProtocolError: an image is not what its header says, or they take more than any batch of steps does.
    """
    arrays = (array for form in message.forms for group in form.groups for array in group.arrays)
    if not any(array.dtype in decoders for array in arrays):
        return message, buffers
    source, raw = iter(buffers), list[Buffer]()
    packed = headers_of(message)
    _require_images(array for header in packed for array in header.arrays if array.dtype in decoders)
    headers = [
        msgspec.structs.replace(
            header, arrays=tuple(_decoded(array, source, raw, decoders) for array in header.arrays)
        )
        for header in packed
    ]
    raw += source  # whoever unpacks refuses what is left over
    return pack_headers(message.incarnation, headers), raw


def _require_images(encoded: Iterable[ArrayHeader]) -> None:
    """Looked at before any is decoded: together they may take more memory than there is."""
    size = 0
    for header in encoded:
        shape = header.shape
        if len(shape) != 3 or shape[2] != _CHANNELS or min(shape) < 1 or prod(shape) > MAX_MESSAGE_BYTES:
            raise malformed(f"array {header.name!r} is {header.dtype} and has the shape {list(shape)}")
        size += prod(shape)
    if size > MOST_DECODED_BYTES:
        raise malformed(f"the images of a message have {size} bytes, over the limit of {MOST_DECODED_BYTES}")


def _decoded(
    header: ArrayHeader, source: Iterable[Buffer], raw: list[Buffer], decoders: Mapping[str, Decode]
) -> ArrayHeader:
    """The header of the decoded array; its buffer goes to the end of `raw`."""
    if header.inline is not None:
        return header
    buffer = next(iter(source), None)
    if buffer is None:
        raise malformed("there are fewer buffers than the header names")
    decode = decoders.get(header.dtype)
    if decode is None:
        raw.append(buffer)
        return header
    raw.append(decode(buffer, header.shape).data.cast("B"))
    return msgspec.structs.replace(header, dtype=RAW)


def _is_image(header: ArrayHeader) -> bool:
    return header.dtype == RAW and len(header.shape) == _CHANNELS and header.shape[2] == _CHANNELS
