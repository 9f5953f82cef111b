"""The commands in README.md and docs/ work: fenced blocks tagged `sh run` are run, the others are parsed.

A block tagged `sh run` runs in an empty folder with this environment's programs. `sh long` (hours) and
`sh host` (hardware or root) are checked without running: the options of each `handson` line are the role's
own, and each `make` target exists. Links and paths to files of this repository lead somewhere.
"""

import contextlib
import functools
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy import cli

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\S*)[ ]?(\S*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
CODE_PATH = re.compile(r"`((?:learner|actor|robot_env|shared|deploy|tests|docs)/[\w./-]*)`")


class Block(NamedTuple):
    """One fenced block."""

    document: str
    tag: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its lines without comments, continued lines joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in (re.sub(r"\s+#.*$", "", f" {line}").strip() for line in lines) if line]


def blocks(*tags: str) -> list[Block]:
    found = [
        Block(document.name, tag, text)
        for document in DOCUMENTS
        for language, tag, text in FENCE.findall(document.read_text())
        if language == "sh"
    ]
    return [block for block in found if block.tag in tags]


def commands(*tags: str) -> list[tuple[str, str]]:
    return [(block.document, command) for block in blocks(*tags) for command in block.commands]


def test_every_shell_block_says_how_it_is_checked():
    assert not blocks("")


@pytest.mark.parametrize(
    "block", [pytest.param(b, id=f"{b.document}-{b.commands[0]}") for b in blocks("run")]
)
def test_what_is_tagged_run_runs(block: Block, tmp_path: Path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        ["sh", "-eu"],
        input=block.text,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(("document", "command"), commands("long", "host"))
def test_what_is_not_run_is_spelt_right(document: str, command: str):
    words = [word for word in shlex.split(command) if word != "&"]
    while words and (words[0] == "sudo" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
        del words[0]
    program = Path(words[0]).name
    if program == "handson":
        check_options(words[1], words[2:])
    elif program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets)


def check_options(role: str, words: list[str]) -> None:
    """Each option is in the help of the role; `sim` passes some on to the others."""
    commanded = (
        words[0]
        if words and role in ("keys", "runs", "demo", "classifier") and not words[0].startswith("-")
        else ""
    )
    for word in words:
        if not word.startswith("--"):
            continue
        name, dot, rest = word[2:].partition("=")[0].partition(".")
        theirs = role == "sim" and dot and name in ("learner", "actor")
        shown = help_of(name) if theirs else help_of(role, commanded)
        option = f"--{rest}" if theirs else word.partition("=")[0]
        assert re.search(rf"{re.escape(option)}(?![\w-])", shown), f"{option} is no option of {role}"


@functools.cache
def help_of(role: str, command: str = "") -> str:
    """What `handson ROLE [COMMAND] --help` prints."""
    shown = io.StringIO()
    with (
        contextlib.redirect_stdout(shown),
        pytest.MonkeyPatch.context() as patch,
        contextlib.suppress(SystemExit),
    ):
        patch.setenv("COLUMNS", "200")
        cli.main([role, *([command] if command else []), "--help"])
    assert "usage:" in shown.getvalue()
    return shown.getvalue()


@pytest.mark.parametrize("document", [pytest.param(d, id=d.name) for d in DOCUMENTS])
def test_links_and_paths_lead_somewhere(document: Path):
    text = document.read_text()
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    missing += [path for path in CODE_PATH.findall(text) if not (ROOT / path).exists()]
    assert not missing
