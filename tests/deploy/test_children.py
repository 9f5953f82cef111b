import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import children


@pytest.fixture
def run(tmp_path: Path):
    """`run(code)`: a child that runs this Python code."""
    started: list[children.Child] = []

    def start(code: str) -> children.Child:
        command = [sys.executable, "-c", code]
        started.append(children.start("the child", command, tmp_path / "child.log", {"NAMED": "so"}))
        return started[-1]

    yield start
    for child in started:
        child.end(0.0)


READY = "import signal, time, sys, os; print('ready', flush=True);"


def ready(child: children.Child):
    return lambda: "ready" in child.log_path.read_text()


def test_output_and_environment_reach_the_log(run):
    child = run("import os; print(os.environ['NAMED'], os.getpid() == os.getsid(0))")
    assert child.wait(10) == 0
    child.check()
    assert child.log_path.read_text() == "so True\n"


def test_a_failure_tells_its_last_words(run):
    child = run("print('line one'); raise SystemExit('out of luck')")
    assert child.wait(10) == 1
    with pytest.raises(children.ProcessFailed) as failed:
        child.check()
    assert "ended with status 1" in failed.value.cause
    assert "out of luck" in failed.value.cause
    assert str(child.log_path) in failed.value.cure


def test_a_killed_child_names_the_signal(run):
    child = run("import os; os.kill(os.getpid(), 9)")
    child.wait(10)
    assert "SIGKILL" in child.failure().cause


def test_ending_interrupts_first(run, wait_until):
    child = run(READY + "signal.signal(2, lambda *_: sys.exit(7)); print('set', flush=True); time.sleep(60)")
    wait_until(lambda: "set" in child.log_path.read_text(), 10)
    assert child.end(10) == 7


def test_what_ignores_the_interrupt_is_killed(run, wait_until):
    child = run(READY + "signal.signal(2, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)")
    wait_until(lambda: "deaf" in child.log_path.read_text(), 10)
    assert child.end(0.1) == -signal.SIGKILL


def test_a_child_listens_even_where_its_launcher_does_not(run, wait_until):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = run(READY + "time.sleep(60)")
    finally:
        signal.signal(signal.SIGINT, before)
    wait_until(ready(child), 10)
    assert child.end(10) != -signal.SIGKILL


LAUNCHER = """
import sys, time, pathlib
from deploy import children
code = "import time; print('ready', flush=True); time.sleep(60)"
child = children.start("x", [sys.executable, "-c", code], pathlib.Path(sys.argv[1]), {})
print(child.pid, flush=True)
time.sleep(60)
"""


def test_no_child_outlives_a_killed_launcher(tmp_path: Path, repository: Path, wait_until):
    log = tmp_path / "x.log"
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(log)], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    with launcher:
        pid = int(launcher.stdout.readline())
        wait_until(lambda: "ready" in log.read_text(), 10)
        launcher.kill()
    wait_until(lambda: not _running(pid), 10)


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
