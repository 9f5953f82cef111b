"""The file comes back equal, and nothing but such a file is read."""

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import CheckpointError
from shared.policy.array_frames import write_sealed
from shared.policy.classifier.classifier_file import MAGIC, read_classifier, write_classifier


@pytest.fixture
def written(tmp_path, make_classifier):
    path = tmp_path / "door.classifier"
    write_classifier(path, make_classifier(3))
    return path


def test_it_comes_back_equal_and_is_named_by_its_bytes(written, tmp_path, make_classifier) -> None:
    made, found = make_classifier(3), read_classifier(written)
    for name in ("spec", "stages", "version", "thresholds", "temperature", "data_digest", "metrics"):
        assert getattr(found, name) == getattr(made, name)
    for arrays, theirs in ((found.heads, made.heads), (found.trunk, made.trunk)):
        assert list(arrays) == list(theirs)
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, theirs[name])
            assert array.dtype == theirs[name].dtype
    write_classifier(tmp_path / "again", made)
    assert read_classifier(tmp_path / "again").digest == found.digest
    write_classifier(tmp_path / "other", make_classifier(4))
    assert read_classifier(tmp_path / "other").digest != found.digest
    assert found.digest[:16] in found.identity


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0.0, 1.0, exclude_max=True), cut=st.booleans())
def test_one_changed_or_missing_byte_is_noticed(written, place, cut) -> None:
    whole = written.read_bytes()
    at = int(place * len(whole))
    broken = written.with_suffix(".broken")
    broken.write_bytes(whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(CheckpointError):
        read_classifier(broken)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ({"format_version": 99}, "format version 99"),
        ({"format_version": 1}, "damaged or foreign"),
        ([], "foreign"),
    ],
)
def test_other_headers_are_refused(tmp_path, header, named) -> None:
    path = tmp_path / "odd"
    write_sealed(path, MAGIC, msgspec.msgpack.encode(header), [])
    with pytest.raises(CheckpointError, match=named):
        read_classifier(path)


def test_missing_and_foreign_files_are_named(tmp_path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        read_classifier(tmp_path / "nothing")
    (tmp_path / "text").write_text("no classifier")
    with pytest.raises(CheckpointError, match="is not a reward classifier"):
        read_classifier(tmp_path / "text")


def test_another_trunk_than_the_digest_names_is_refused(tmp_path, make_classifier) -> None:
    made = make_classifier()
    trunk = {name: array + 1 for name, array in made.trunk.items()}
    write_classifier(tmp_path / "odd", dataclasses.replace(made, trunk=trunk))
    with pytest.raises(CheckpointError, match="another trunk"):
        read_classifier(tmp_path / "odd")


def test_a_threshold_too_few_is_refused(tmp_path, make_classifier) -> None:
    write_classifier(tmp_path / "odd", dataclasses.replace(make_classifier(), thresholds=(1.0,)))
    with pytest.raises(CheckpointError, match="does not match"):
        read_classifier(tmp_path / "odd")
