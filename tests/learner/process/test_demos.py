"""Which demonstrations a run begins with, by files and by directories."""

from pathlib import Path

import numpy as np
import pytest

from learner.start import read_demos
from shared.episodes import EpisodeWriter
from shared.errors import ConfigError, EpisodeFileError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="small",
    observations=(ObservationEntry(name="x", shape=(1,), dtype="float32"),),
    actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)


def write(path: Path, life: str, kind: EpisodeKind = EpisodeKind.DEMO) -> Path:
    seen = {"x": np.zeros(1, np.float32)}
    step = Step(
        observation=seen,
        chosen_action=np.zeros(1, np.float32),
        executed_command=np.zeros(1, np.float32),
        source=Source.HUMAN,
        reward=1.0,
        terminated=True,
        why=Why.SUCCESS,
        final_observation=seen,
    )
    name = StepId("demo", life, 0, 0)
    with EpisodeWriter(path, INTERFACE, opened_by="test") as writer:
        writer.write(StepRecord(identity=name, sequence=0, kind=kind, time_seconds=0.0, step=step))
    return path


def test_a_directory_is_all_of_its_files_in_the_order_recorded(tmp_path) -> None:
    made = [write(tmp_path / f"demos{n}.mcap", f"life{n}") for n in ("", "-2", "-10")]
    (tmp_path / "demos.json").write_text("{}")
    other = write(tmp_path.parent / f"{tmp_path.name}.mcap", "other")
    found = read_demos([tmp_path, other], may_be_gone=False)
    assert [file.path for file in found] == [*made, other]
    assert all(len(file.records) == 1 for file in found)


def test_what_is_missing_is_named_unless_the_log_has_it(tmp_path) -> None:
    with pytest.raises(EpisodeFileError, match="there is no"):
        read_demos([tmp_path / "gone"], may_be_gone=False)
    assert read_demos([tmp_path / "gone"], may_be_gone=True) == []
    with pytest.raises(EpisodeFileError, match="holds no"):
        read_demos([tmp_path], may_be_gone=False)


def test_a_file_of_another_kind_in_a_directory_is_refused_by_name(tmp_path) -> None:
    write(tmp_path / "demos.mcap", "life")
    write(tmp_path / "evaluation.mcap", "eval", EpisodeKind.EVALUATION)
    with pytest.raises(ConfigError, match=r"evaluation\.mcap holds evaluation steps"):
        read_demos([tmp_path], may_be_gone=False)
