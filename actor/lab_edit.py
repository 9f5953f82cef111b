"""One setting of a lab file, written without touching what people wrote round it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from robot_env.lab import load_lab
from shared.errors import ConfigError


def set_in_lab(path: Path, section: str, key: str, value: str | list[str]) -> None:
    """Put `key = value` into the table `[section]` of a lab file, which is made where there is none.

    Raises:
        ConfigError: the result would say something else than that; the file is left alone.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    after = _with_line(before, section, key, line)
    try:
        wanted = tomllib.loads(before)
        _table(wanted, section)[key] = value
        if tomllib.loads(after) != wanted:
            raise ValueError("it is written in an unusual way")
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"lab {path}", f"cannot be edited: {error}", f"write it yourself: [{section}] {line}"
        ) from None
    making = path.with_suffix(".making")
    making.write_text(after, encoding="utf-8")
    load_lab(making)
    making.replace(path)


def _with_line(text: str, section: str, key: str, line: str) -> str:
    head = re.search(rf"^\[{re.escape(section)}\][^\n]*\n?", text, re.MULTILINE)
    if head is None:
        return f"{text.rstrip()}\n\n[{section}]\n{line}\n".lstrip()
    start = head.end()
    following = re.search(r"^\[", text[start:], re.MULTILINE)
    end = start + following.start() if following else len(text)
    body, count = re.subn(
        rf"^{re.escape(key)}\s*=[^\n]*", lambda _: line, text[start:end], count=1, flags=re.MULTILINE
    )
    head_line = text[:start] if text[:start].endswith("\n") else f"{text[:start]}\n"
    return head_line + (body if count else f"{line}\n{body}") + text[end:]


def _table(tables: dict[str, Any], section: str) -> dict[str, Any]:
    for name in section.split("."):
        tables = tables.setdefault(name, {})
    return tables
