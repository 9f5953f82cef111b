import io
import json
import threading
from collections.abc import Callable

import pytest

from deploy.check.base import Check, Finding, Outcome, fail, known, ok, skip, warn
from deploy.check.report import conclusion, line, print_json
from deploy.check.running import run_all, within_deadline
from shared.errors import LinkError


def outcome_of(run: Callable[[], Outcome], seconds: float = 5.0) -> Outcome:
    return within_deadline(Check(name="it", run=run, deadline_seconds=seconds))


def test_an_error_of_ours_becomes_a_failure_with_its_cure():
    def run() -> Outcome:
        raise LinkError("link", "nobody answers", "start it")

    assert outcome_of(run) == fail("nobody answers", "start it")


def test_a_missing_library_is_told_with_its_extra():
    def run() -> Outcome:
        raise ModuleNotFoundError("No module named 'pyrealsense2'", name="pyrealsense2")

    assert outcome_of(run) == fail(
        "needs pyrealsense2, which is not installed here", "install the extra handson[realsense]"
    )


def test_any_other_error_fails_that_check_alone():
    checks = [Check(name="first", run=lambda: ok(str(1 // 0))), known("second", ok("well"))]
    first, second = run_all(checks)
    assert first.outcome.status == "fail"
    assert "ZeroDivisionError" in first.outcome.detail
    assert second.outcome == ok("well")


def test_a_check_that_hangs_fails_at_its_deadline():
    released = threading.Event()

    def hang() -> Outcome:
        released.wait(30.0)
        return ok("too late")

    outcome = outcome_of(hang, seconds=0.05)
    released.set()
    assert outcome.status == "fail"
    assert outcome.detail == "no answer within 0.05 s"
    assert "restart" in outcome.cure


FINDINGS = [
    Finding(name="a", outcome=ok("fine")),
    Finding(name="b", outcome=warn("slow", "hurry")),
    Finding(name="c", outcome=skip("not there")),
    Finding(name="d", outcome=fail("broken", "mend it")),
]


def test_people_read_a_line_each_with_the_cure_below():
    assert line(FINDINGS[0]).split() == ["ok", "a", "fine"]
    assert line(FINDINGS[3]).splitlines()[1].strip() == "-> mend it"
    assert conclusion(FINDINGS) == "1 ok, 1 warn, 1 fail, 1 skip: mend d first"
    assert conclusion(FINDINGS[:3]).endswith("ready")


def test_programs_read_one_object_in_which_only_failures_are_not_ok():
    stream = io.StringIO()
    print_json(FINDINGS, stream)
    rows = json.loads(stream.getvalue())["checks"]
    assert [row["ok"] for row in rows] == [True, True, True, False]
    assert rows[3] == {"name": "d", "ok": False, "status": "fail", "detail": "broken", "cure": "mend it"}


@pytest.mark.parametrize("make", [warn, fail])
def test_what_is_not_well_has_a_cure(make: Callable[[str, str], Outcome]):
    assert make("cause", "cure").cure
