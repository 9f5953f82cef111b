"""Frozen trunks on the wire and on disk."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from shared.errors import CheckpointError
from shared.policy.trunks.trunk_file import TrunkStore, decode_trunk, encode_trunk
from shared.policy.trunks.weights import TrunkWeights


@pytest.fixture
def few() -> TrunkWeights:
    params = {"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "a/bias": np.ones(3, np.float32)}
    return TrunkWeights.of("small", 4, params)


def same(a: TrunkWeights, b: TrunkWeights) -> None:
    assert (a.trunk, a.stages, a.digest, list(a.params)) == (b.trunk, b.stages, b.digest, list(b.params))
    for name, array in a.params.items():
        np.testing.assert_array_equal(array, b.params[name])


def test_wire_round_trip_copies_nothing(few: TrunkWeights) -> None:
    header, buffers = encode_trunk(few)
    assert np.shares_memory(np.frombuffer(buffers[1], np.float32), few.params["a/kernel"])
    decoded = decode_trunk(header, [bytes(buffer) for buffer in buffers])
    same(decoded, few)
    assert not decoded.params["a/bias"].flags.writeable


def test_any_changed_byte_is_noticed(few: TrunkWeights) -> None:
    header, buffers = encode_trunk(few)
    for number, buffer in enumerate(buffers):
        changed = [bytearray(b) for b in buffers]
        changed[number][len(buffer) // 2] ^= 1
        with pytest.raises(CheckpointError, match=f"claims the digest {few.digest}"):
            decode_trunk(header, changed)


def test_damaged_and_foreign_bytes_are_refused(few: TrunkWeights) -> None:
    header, buffers = encode_trunk(few)
    fields = msgspec.msgpack.decode(header)
    wrong = {
        "damaged or foreign": [b"", header[:-4], msgspec.msgpack.encode({**fields, "trunk": "vgg"})],
        "format version 2": [msgspec.msgpack.encode({"format_version": 2})],
        "claims the digest": [msgspec.msgpack.encode({**fields, "stages": 3})],
    }
    for message, headers in wrong.items():
        for each in headers:
            with pytest.raises(CheckpointError, match=message) as error:
                decode_trunk(each, buffers, "trunk from the learner")
            assert error.value.stage == "trunk from the learner"
            assert "fetch it again" in error.value.cure
    with pytest.raises(CheckpointError, match="declares 2 arrays and holds 1"):
        decode_trunk(header, buffers[:1])


def test_store(few: TrunkWeights, tmp_path: Path) -> None:
    store = TrunkStore(tmp_path / "deep" / "trunks")
    assert store.find(few.digest) is None
    path = store.keep(few)
    assert [p.name for p in store.directory.iterdir()] == [path.name] == [f"{few.digest}.trunk"]
    found = store.find(few.digest)
    assert found is not None
    same(found, few)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_a_damaged_file_is_not_used_and_can_be_replaced(
    few: TrunkWeights, tmp_path: Path, damage: str, caplog
) -> None:
    store = TrunkStore(tmp_path)
    path = store.keep(few)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    other = store.keep(TrunkWeights.of("small", 3, few.params)).read_bytes()
    contents = {"flip": bytes(data), "cut": data[:-1], "empty": b"", "other": other}
    path.write_bytes(contents[damage])
    assert store.find(few.digest) is None
    assert "will be fetched again" in caplog.text
    store.keep(few)
    assert store.find(few.digest) is not None


@pytest.mark.parametrize("digest", ["", "../secret", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_digests_become_file_names(few: TrunkWeights, tmp_path: Path, digest: str) -> None:
    store = TrunkStore(tmp_path)
    assert store.find(digest) is None
    with pytest.raises(CheckpointError, match="is not the one of the digest"):
        store.keep(replace(few, digest=digest))
    assert list(tmp_path.iterdir()) == []
