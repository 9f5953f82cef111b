"""One thing that is proved, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shared.errors import HandsOnError

Status = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """ok: it works; warn: it works, and could be better; fail: it does not; skip: there is nothing to check.

    `detail` says what was found, `cure` what to do next about a warning or a failure.
    """

    status: Status
    detail: str
    cure: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to be proved within a deadline."""

    name: str
    run: Callable[[], Outcome]
    deadline_seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A check's name and its outcome."""

    name: str
    outcome: Outcome


def ok(detail: str) -> Outcome:
    """It works."""
    return Outcome("ok", detail)


def warn(detail: str, cure: str) -> Outcome:
    """It works, and could be better."""
    return Outcome("warn", detail, cure)


def fail(detail: str, cure: str) -> Outcome:
    """It does not work."""
    return Outcome("fail", detail, cure)


def skip(detail: str) -> Outcome:
    """There is nothing to check."""
    return Outcome("skip", detail)


def failed(error: HandsOnError) -> Outcome:
    """An error that says its cure."""
    return fail(error.cause, error.cure)


def known(name: str, outcome: Outcome) -> Check:
    """A check whose outcome is there already."""
    return Check(name=name, run=lambda: outcome)
