"""Parts that several pages share."""

import base64
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from deploy.report.charts import number

STYLE = Path(__file__).with_name("page.css")


def video_of(video: Path | None) -> str:
    """The film inside the page, or that there is none."""
    if video is None or not video.is_file():
        return '<p class="empty">no video was made</p>'
    data = base64.b64encode(video.read_bytes()).decode()
    return f'<p><video controls loop muted src="data:video/webm;base64,{data}"></video></p>'


def number_table(values: Mapping[str, Any]) -> str:
    """Names and values."""
    rows = "".join(
        f"<tr><td>{escape(key)}</td><td>{escape(_cell(value))}</td></tr>" for key, value in values.items()
    )
    return f"<table>{rows}</table>"


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else json.dumps(value)
