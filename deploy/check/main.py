"""`handson check`: is this computer ready, and if not, why, and what mends it."""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence

from deploy.check import FAMILIES
from deploy.check.base import Check, Finding, Outcome, fail, failed, known, ok, skip
from deploy.check.bench import Bench
from deploy.check.config import CheckConfig
from deploy.check.host import Host
from deploy.check.report import conclusion, line, print_json
from deploy.check.running import run_all
from robot_env.families import resolve
from robot_env.lab import Lab, load_lab
from robot_env.tasks import TASKS
from robot_env.tasks.base import Task
from shared.config import parse_command_line
from shared.errors import HandsOnError

DESCRIPTION = """Prove every link of this computer in turn; say of each that fails why, and how to mend it.

Nothing moves unless --move is given and the question is answered. The exit status is 1 when something failed,
else 0; a warning is no failure.

One computer for everything: handson check --lab LAB.toml
The learner's computer:      handson check --role learner --bind tcp://0.0.0.0:5555 --keys DIR
The actor's, learner there:  handson check --role actor --lab LAB.toml --connect tcp://lab:5555 --keys DIR"""


def main(argv: Sequence[str]) -> int:
    """Check, print what was found, and return 1 when something failed."""
    config = parse_command_line(CheckConfig, argv, prog="handson check", description=DESCRIPTION)
    findings: list[Finding] = []
    may_move, interactive = config.move and _asked(), config.interactive and sys.stdin.isatty()
    for finding in check(config, Host(), may_move=may_move, interactive=interactive):
        findings.append(finding)
        if not config.json:
            print(line(finding), flush=True)
    if config.json:
        print_json(findings, sys.stdout)
    else:
        print(f"\n{conclusion(findings)}")
    return int(any(finding.outcome.status == "fail" for finding in findings))


def check(
    config: CheckConfig, host: Host, *, may_move: bool = False, interactive: bool = False
) -> Iterator[Finding]:
    """All findings of a role, each as soon as it is there."""
    lab, of_the_lab = _lab(config)
    task, of_the_task = _task(config, lab)
    yield from run_all([known("lab file", of_the_lab), known("task", of_the_task)])
    if task is None:
        return
    bench = Bench(config=config, lab=lab, task=task, host=host, may_move=may_move, interactive=interactive)
    with bench.closing:
        for name, family in FAMILIES.items():
            if config.role == "all" or config.role in family.roles:
                yield from run_all(_checks(name, family.target, bench))


def _checks(name: str, target: str, bench: Bench) -> list[Check]:
    module, function = target.split(":")
    try:
        checks: Callable[[Bench], list[Check]] = getattr(importlib.import_module(module), function)
        return checks(bench)
    except HandsOnError as error:
        return [known(name, failed(error))]
    except ModuleNotFoundError as error:
        return [
            known(name, fail(f"needs {error.name}, which is not installed here", "see the packages above"))
        ]


def _lab(config: CheckConfig) -> tuple[Lab, Outcome]:
    if config.lab is None:
        return Lab(), skip("none is named; --lab FILE checks arm, gripper and cameras")
    try:
        lab = load_lab(config.lab)
    except HandsOnError as error:
        return Lab(), fail(f"{error.stage} {error.cause}", error.cure)
    arm = "no arm" if lab.arm is None else type(lab.arm).__name__.removesuffix("ArmConfig").lower()
    return lab, ok(f"{config.lab}: {arm}, {len(lab.cameras)} cameras")


def _task(config: CheckConfig, lab: Lab) -> tuple[Task | None, Outcome]:
    try:
        task = lab.fit(config.task, resolve("task", TASKS, config.task)())
    except HandsOnError as error:
        return None, failed(error)
    return task, ok(f"{config.task} at {task.settings.control_hz:g} Hz")


def _asked() -> bool:
    """Whether somebody at the terminal lets the gripper move."""
    if not sys.stdin.isatty():
        return False
    print("The gripper will open and close. Is it clear? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
