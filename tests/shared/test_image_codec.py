"""Lossless images come back byte for byte; what is no image, or no smaller, is left alone; damage is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from shared.codec import Buffer, headers_of, pack_arrays, pack_headers, unpack_arrays
from shared.errors import ProtocolError
from shared.image_codec import (
    DEFLATE,
    MOST_DECODED_BYTES,
    decode_deflate,
    decode_images,
    encode_deflate,
    encode_images,
)
from shared.protocol import ArrayHeader, RecordHeader, Records

DECODERS = {DEFLATE: decode_deflate}
SHAPE = (32, 32, 3)
SMOOTH = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None], SHAPE).copy()


def message(headers: tuple[ArrayHeader, ...]) -> Records:
    return pack_headers("a", [RecordHeader("step", 0, 0.0, {}, headers)])


@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2, st.just(3))))
def test_deflate_gives_every_image_back(image: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_deflate(encode_deflate(image), image.shape), image)


def test_only_images_that_become_smaller_are_encoded() -> None:
    noise = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    sent = {
        "smooth": SMOOTH,
        "noise": noise,
        "state": np.zeros(600, np.float32),
        "mask": np.zeros((40, 40, 4), np.uint8),
        "small": np.zeros((4, 4, 3), np.uint8),
    }
    headers, buffers = encode_images(*pack_arrays(sent), DEFLATE, encode_deflate)
    assert {header.name for header in headers if header.dtype == DEFLATE} == {"smooth"}
    assert len(buffers[0]) < SMOOTH.nbytes / 10
    decoded, raw = decode_images(message(headers), buffers, DECODERS)
    received = unpack_arrays(headers_of(decoded)[0].arrays, raw)
    for name, array in sent.items():
        np.testing.assert_array_equal(received[name], array)


def test_raw_records_pass_untouched() -> None:
    headers, buffers = pack_arrays({"smooth": SMOOTH})
    raw = message(headers)
    assert decode_images(raw, buffers, DECODERS) == (raw, buffers)
    assert decode_images(raw, buffers, DECODERS)[1] is buffers


@pytest.mark.parametrize(
    ("shape", "data", "cause"),
    [
        (SHAPE, b"", "has 0 bytes"),
        (SHAPE, b"nonsense", "is not one"),
        (SHAPE, encode_deflate(SMOOTH)[:-6], "deflated image"),
        (SHAPE, encode_deflate(np.zeros((64, 32, 3), np.uint8)), "not 3072"),
        ((32, 96), encode_deflate(SMOOTH), "has the shape"),
        ((2**20, 2**20, 3), encode_deflate(SMOOTH), "has the shape"),
        ((-1, -1, 3), encode_deflate(np.zeros((1, 1, 3), np.uint8)), "has the shape"),
        ((-1, -2, 3), encode_deflate(np.zeros((2, 1, 3), np.uint8)), "has the shape"),
    ],
)
def test_what_is_not_an_image_is_told(shape: tuple[int, ...], data: bytes, cause: str) -> None:
    with pytest.raises(ProtocolError, match=cause):
        decode_images(message((ArrayHeader("a", DEFLATE, shape),)), [data], DECODERS)


def test_a_missing_buffer_is_told() -> None:
    with pytest.raises(ProtocolError, match="fewer buffers"):
        decode_images(message((ArrayHeader("a", DEFLATE, SHAPE),)), [], DECODERS)


def test_images_that_would_fill_the_memory_together_are_not_decoded() -> None:
    large = ArrayHeader("a", DEFLATE, (2**12, 2**12, 3))
    count = MOST_DECODED_BYTES // (2**24 * 3) + 1
    headers = [RecordHeader("step", sequence, 0.0, {}, (large,)) for sequence in range(count)]
    decoded: list[Buffer] = []

    def decode(data: Buffer, shape: tuple[int, ...]) -> np.ndarray:
        decoded.append(data)
        return np.zeros((1, 1, 3), np.uint8)

    with pytest.raises(ProtocolError, match=f"over the limit of {MOST_DECODED_BYTES}"):
        decode_images(pack_headers("a", headers), [b"few"] * count, {DEFLATE: decode})
    assert not decoded
    decode_images(pack_headers("a", headers[1:]), [b"few"] * (count - 1), {DEFLATE: decode})
    assert len(decoded) == count - 1
