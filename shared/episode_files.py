"""Which episode files a path names: a file itself, or all of a directory in the order they were begun."""

import re
from pathlib import Path

from shared.errors import EpisodeFileError

SUFFIX = ".mcap"
_NUMBERED = re.compile(r"(.*?)(?:-(\d+))?")


def episode_files(path: Path) -> list[Path]:
    """The files that `path` names; `demos.mcap` comes before `demos-2.mcap`, that before `demos-10.mcap`.

    Raises:
        EpisodeFileError: there is nothing of that name, or the directory holds no episode file.
    """
    if not path.is_dir():
        if not path.exists():
            raise EpisodeFileError("episode files", f"there is no {path}", "name a file or a directory")
        return [path]
    found = sorted(path.glob(f"*{SUFFIX}"), key=_begun)
    if not found:
        raise EpisodeFileError(
            "episode files", f"{path} holds no {SUFFIX} file", "name a directory that was recorded into"
        )
    return found


def next_file(first: Path) -> Path:
    """`demos.mcap`, or where that is there, the first free one of `demos-2.mcap`, `demos-3.mcap`, ..."""
    path, number = first, 2
    while path.exists():
        path, number = first.with_name(f"{first.stem}-{number}{first.suffix}"), number + 1
    return path


def _begun(path: Path) -> tuple[str, int]:
    name, number = _NUMBERED.fullmatch(path.stem).groups()  # type: ignore[union-attr] # matches anything
    return name, int(number or 1)
