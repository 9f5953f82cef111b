"""Runs checks one after the other, each within its deadline, whatever it does."""

import logging
import queue
import threading
from collections.abc import Iterable, Iterator

from deploy.check.base import Check, Finding, Outcome, fail, failed
from shared.errors import HandsOnError

log = logging.getLogger(__name__)


def run_all(checks: Iterable[Check]) -> Iterator[Finding]:
    """The findings, each as soon as it is there."""
    for check in checks:
        yield Finding(name=check.name, outcome=within_deadline(check))


def within_deadline(check: Check) -> Outcome:
    """The outcome; a check that hangs in a library fails at its deadline and is left to itself."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    worker = threading.Thread(
        target=lambda: outcomes.put(_outcome(check)), name=f"check {check.name}", daemon=True
    )
    worker.start()
    try:
        return outcomes.get(timeout=check.deadline_seconds)
    except queue.Empty:
        return fail(
            f"no answer within {check.deadline_seconds:g} s",
            "something accepts the question and stays silent: restart the device or server that is asked",
        )


def _outcome(check: Check) -> Outcome:
    try:
        return check.run()
    except HandsOnError as error:
        return failed(error)
    except ModuleNotFoundError as error:
        return fail(f"needs {error.name}, which is not installed here", _installation(error.name or ""))
    except Exception as error:
        log.exception("the check %s failed", check.name)
        return fail(f"{type(error).__name__}: {error}", "the trace above says where; please report it")


def _installation(module: str) -> str:
    from deploy.cli import EXTRAS

    extra = EXTRAS.get(module.partition(".")[0])
    return f"install the extra handson[{extra}]" if extra else f"install {module}"
