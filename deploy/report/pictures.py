"""What cameras showed: strips of final episodes, and samples as the learner saw them, inside the page."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

MIME = {".jpg": "image/jpeg", ".png": "image/png"}


def strips(directory: Path, episodes: Sequence[Mapping[str, Any]], cameras: Sequence[str]) -> str:
    """A figure for each episode that has a strip `<start seed>.jpg` in the directory; nothing without any.

    Args:
        directory: where `handson eval` left them.
        episodes: as in evaluation.json.
        cameras: names of the rows of a strip.
    """
    found = [(directory / f"{episode['start_seed']}.jpg", episode) for episode in episodes]
    figures = "".join(_figure(path, _caption(episode)) for path, episode in found if path.is_file())
    if not figures:
        return ""
    rows = escape(", ".join(cameras))
    return (
        f"<h3>What the cameras showed</h3><p>The first successes and the first failures, from start to end; "
        f'a row for each camera: {rows}.</p><div class="pictures">{figures}</div>'
    )


def samples(path: Path, cameras: Sequence[str]) -> str:
    """The picture of augmented samples; nothing where the file is missing."""
    if not path.is_file():
        return ""
    rows = escape(", ".join(f"{camera} as sent and as seen" for camera in cameras))
    caption = f"Samples of the first minibatch, a column each; from the top: {rows}"
    return f'<h2>As the learner saw it</h2><div class="pictures">{_figure(path, caption)}</div>'


def _figure(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    image = f'<img alt="{caption}" src="data:{MIME[path.suffix]};base64,{data}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _caption(episode: Mapping[str, Any]) -> str:
    how = "success" if episode["success"] else "failure"
    return f"start {episode['start_seed']}: {how} after {episode['length']} steps"
