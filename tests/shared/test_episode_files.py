"""Which files a path names, in which order; where their episodes began."""

import pytest

from shared.episode_files import episode_files, next_file
from shared.episode_starts import EpisodeStart, read_starts, write_start
from shared.episodes import EpisodeWriter, read_episodes
from shared.errors import EpisodeFileError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry

INTERFACE = InterfaceSpec(
    name="small",
    observations=(ObservationEntry(name="x", shape=(1,), dtype="float32"),),
    actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)


def test_a_directory_names_its_files_as_they_were_begun(tmp_path) -> None:
    made = []
    for _ in range(11):
        made.append(next_file(tmp_path / "demos.mcap"))
        made[-1].touch()
    (tmp_path / "demos.json").touch()
    assert [path.name for path in made[:3]] == ["demos.mcap", "demos-2.mcap", "demos-3.mcap"]
    assert episode_files(tmp_path) == made
    assert episode_files(made[3]) == [made[3]]


def test_what_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(EpisodeFileError, match="there is no"):
        episode_files(tmp_path / "demos.mcap")
    with pytest.raises(EpisodeFileError, match=r"holds no \.mcap"):
        episode_files(tmp_path)


def test_starts_are_read_back_from_whole_and_from_cut_files(tmp_path) -> None:
    starts = [EpisodeStart(("demo", "life", number), 2**31 + number) for number in range(3)]
    path = tmp_path / "demos.mcap"
    with EpisodeWriter(path, INTERFACE, opened_by="test") as writer:
        for start in starts:
            write_start(writer, start)
            writer.flush()
    assert read_starts(path) == {start.episode: start.seed for start in starts}
    assert list(read_episodes(path).records()) == []
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[: path.read_bytes().rfind(b"2147483650") - 5])
    assert read_starts(cut) == {start.episode: start.seed for start in starts[:2]}
