"""Snapshots survive the wire and the disk, and nothing else passes for one."""

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import CheckpointError
from shared.policy.parameters import flatten, unflatten
from shared.policy.snapshot import (
    FORMAT_VERSION,
    MAGIC,
    PolicySnapshot,
    decode_snapshot,
    encode_snapshot,
    read_snapshot,
    write_snapshot,
)
from shared.policy.trunks.trunk_file import decode_trunk


def same(a: PolicySnapshot, b: PolicySnapshot) -> None:
    assert replace(a, params={}).__dict__ == replace(b, params={}).__dict__
    assert list(a.params) == list(b.params)
    for name, array in a.params.items():
        assert array.dtype == b.params[name].dtype
        np.testing.assert_array_equal(array, b.params[name])


def test_wire_round_trip(snapshot: PolicySnapshot) -> None:
    header, buffers = encode_snapshot(snapshot)
    same(decode_snapshot(header, [bytes(buffer) for buffer in buffers]), snapshot)


def test_decoding_copies_nothing_and_gives_read_only_arrays(snapshot: PolicySnapshot) -> None:
    header, buffers = encode_snapshot(snapshot)
    received = [bytearray(buffer) for buffer in buffers]
    decoded = decode_snapshot(header, received)
    name, array = next(iter(decoded.params.items()))
    assert not array.flags.writeable
    received[0][:4] = np.float32(42.0).tobytes()
    assert decoded.params[name].flat[0] == 42.0


def test_arrays_of_any_shape_and_layout(snapshot: PolicySnapshot) -> None:
    odd = {
        "empty": np.zeros((0, 3), np.float32),
        "scalar": np.float32(1.5).reshape(()),
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "wide": np.arange(4, dtype=np.uint8),
    }
    header, buffers = encode_snapshot(replace(snapshot, params=odd))
    same(decode_snapshot(header, buffers), replace(snapshot, params=odd))


def test_file_round_trip_leaves_nothing_else(snapshot: PolicySnapshot, tmp_path: Path) -> None:
    path = tmp_path / "policy.snapshot"
    write_snapshot(path, snapshot)
    write_snapshot(path, replace(snapshot, version=8))
    same(read_snapshot(path), replace(snapshot, version=8))
    assert [p.name for p in tmp_path.iterdir()] == ["policy.snapshot"]


def test_a_failed_write_keeps_the_old_file(
    snapshot: PolicySnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.snapshot"
    write_snapshot(path, snapshot)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_snapshot(path, replace(snapshot, version=8))
    same(read_snapshot(path), snapshot)
    assert [p.name for p in tmp_path.iterdir()] == ["policy.snapshot"]


def test_every_flipped_byte_and_every_cut_is_noticed(snapshot: PolicySnapshot, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole", tmp_path / "damaged"
    write_snapshot(whole, snapshot)
    data = whole.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, 20, len(data) - 1, *rng.integers(0, len(data), 40)]:
        flipped = bytearray(data)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            read_snapshot(path)
        path.write_bytes(data[:position])
        with pytest.raises(CheckpointError):
            read_snapshot(path)


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent\.snapshot"):
        read_snapshot(tmp_path / "absent.snapshot")
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a snapshot")
    with pytest.raises(CheckpointError, match="not a policy snapshot"):
        read_snapshot(foreign)


def test_a_file_of_nothing_but_its_first_and_last_bytes_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "policy.snapshot"
    path.write_bytes(MAGIC + hashlib.sha256(MAGIC).digest())
    with pytest.raises(CheckpointError, match="damaged"):
        read_snapshot(path)


def test_another_format_version_is_refused_with_both_versions(snapshot: PolicySnapshot) -> None:
    header, buffers = encode_snapshot(snapshot)
    fields = msgspec.msgpack.decode(header)
    later = msgspec.msgpack.encode({**fields, "format_version": FORMAT_VERSION + 1})
    with pytest.raises(CheckpointError, match=f"version {FORMAT_VERSION + 1}.*reads {FORMAT_VERSION}"):
        decode_snapshot(later, buffers)


def test_a_header_that_contradicts_itself_is_refused(snapshot: PolicySnapshot) -> None:
    header, buffers = encode_snapshot(snapshot)
    fields = msgspec.msgpack.decode(header)
    fields["spec"]["hidden"] = [8]
    with pytest.raises(CheckpointError, match="fingerprints"):
        decode_snapshot(msgspec.msgpack.encode(fields), buffers)


@pytest.mark.parametrize(
    "array", [["w", "object", [2]], ["w", "float32", [-1, 2]], ["w", "float32", [3]], ["w", "float32"]]
)
def test_array_headers_that_do_not_fit_are_refused(snapshot: PolicySnapshot, array: list[object]) -> None:
    header, _ = encode_snapshot(snapshot)
    fields = msgspec.msgpack.decode(header)
    fields["arrays"] = [array]
    with pytest.raises(CheckpointError):
        decode_snapshot(msgspec.msgpack.encode(fields), [bytes(8)])


@pytest.mark.parametrize("shape", [[0, 2**62, 2**62], [0] * 65])
def test_an_empty_array_of_a_shape_that_cannot_be_is_refused(
    snapshot: PolicySnapshot, shape: list[int]
) -> None:
    header, _ = encode_snapshot(snapshot)
    fields = msgspec.msgpack.decode(header)
    fields["arrays"] = [["w", "float32", shape]]
    with pytest.raises(CheckpointError, match="'w'"):
        decode_snapshot(msgspec.msgpack.encode(fields), [b""])


def test_a_header_deeper_than_any_reader_goes_is_refused(snapshot: PolicySnapshot) -> None:
    header, buffers = encode_snapshot(snapshot)
    deep = bytes([header[0] + 1]) + header[1:] + b"\xa1x" + b"\x91" * 100_000 + b"\xc0"
    assert header[0] & 0xF0 == 0x80  # a map of less than 15 names
    for decode in (decode_snapshot, decode_trunk):
        with pytest.raises(CheckpointError, match="recursion"):
            decode(deep, buffers)


def test_arrays_that_no_reader_takes_are_not_written(snapshot: PolicySnapshot) -> None:
    with pytest.raises(CheckpointError, match="complex64"):
        encode_snapshot(replace(snapshot, params={"w": np.zeros(2, np.complex64)}))


@given(st.binary(max_size=64))
def test_noise_is_never_a_snapshot(noise: bytes) -> None:
    with pytest.raises(CheckpointError):
        decode_snapshot(noise, [])


NAMES = st.text("abcdefgh_0123", min_size=1, max_size=5)
TREES = st.recursive(
    st.integers(0, 3).map(lambda size: np.arange(size, dtype=np.float32)),
    lambda children: st.dictionaries(NAMES, children, min_size=1, max_size=3),
    max_leaves=8,
).filter(lambda tree: isinstance(tree, dict))


@given(TREES)
def test_flat_names_rebuild_the_tree(tree: dict[str, object]) -> None:
    flat = flatten(tree)
    assert list(flat) == sorted(flat)
    rebuilt = flatten(unflatten(flat))
    assert list(rebuilt) == list(flat)
    for name, array in flat.items():
        np.testing.assert_array_equal(array, rebuilt[name])


def test_a_name_below_an_array_is_refused() -> None:
    with pytest.raises(CheckpointError):
        unflatten({"a": np.zeros(1), "a/b": np.zeros(1)})
