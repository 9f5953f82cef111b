"""`handson runs doctor RUN`: findings, exit status, and which runs it takes."""

import json
import os
import time
from pathlib import Path

import pytest

from deploy import cli
from deploy.doctor.reading import read_history

NOW = time.time()
GOOD = {
    "kind": "learner",
    "env_steps": 900,
    "updates": 3600,
    "q_mean": 0.5,
    "return_low": 0.0,
    "return_high": 1.0,
    "actors": 1,
}


def run_of(directory: Path, *changes: dict[str, object], ended: bool = True, age: float = 0.0) -> Path:
    run = directory / "runs" / "20260101-reach"
    run.mkdir(parents=True)
    lines = [
        GOOD | {"time_seconds": NOW - age - 2 * n, "env_steps": 1000 - n} | change
        for n, change in reversed(list(enumerate(changes)))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if ended:
        (run / "learner.json").write_text("{}")
    return run


def doctor(run: Path | str, *more: str) -> int:
    return cli.main(["runs", "--runs-dir", str(Path(run).parent), "doctor", str(run), *more])


def test_a_run_without_alarms_is_0(tmp_path, capsys) -> None:
    assert doctor(run_of(tmp_path, {}, {})) == 0
    told = capsys.readouterr().out
    assert "1,000 training steps" in told
    assert "nothing alarms" in told


def test_without_a_name_it_is_the_newest_run(tmp_path, capsys) -> None:
    run = run_of(tmp_path, {}, {})
    (run.parent / "latest").symlink_to(run.name)
    assert cli.main(["runs", "--runs-dir", str(run.parent), "doctor"]) == 0
    assert run.name in capsys.readouterr().out


def test_an_alarm_is_1_and_says_what_to_do_and_from_where_on(tmp_path, capsys) -> None:
    assert doctor(run_of(tmp_path, {"q_mean": 5.0}, {"q_mean": 5.0})) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "q_mean is 5; what can be earned lies in 0 to 1" in told
    assert "alarm from 0.25" in told
    assert "the critics diverge" in told


def test_a_warning_is_0(tmp_path, capsys) -> None:
    assert doctor(run_of(tmp_path, {"q_mean": 1.1}, {"q_mean": 1.1})) == 0
    assert "warn" in capsys.readouterr().out


def test_programs_get_json(tmp_path, capsys) -> None:
    run = run_of(tmp_path, {"q_mean": 5.0}, {})
    assert doctor(run, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["env_steps"], found["updates"]) == (1000, 3600)
    levels = {finding["name"]: finding["level"] for finding in found["findings"]}
    assert levels["q_out_of_bounds"] == "alarm"
    assert levels["picture_drift"] == "unknown"
    assert set(found["findings"][0]) == {"name", "level", "evidence", "threshold", "next_step"}


def test_a_run_that_was_killed_is_stale_and_one_that_ended_is_not(tmp_path) -> None:
    assert doctor(run_of(tmp_path / "a", {}, {}, ended=False, age=1000.0)) == 1
    assert doctor(run_of(tmp_path / "b", {}, {}, ended=True, age=1000.0)) == 0


def test_the_summary_of_an_earlier_life_is_no_end(tmp_path) -> None:
    run = run_of(tmp_path, {}, {}, age=1000.0)
    os.utime(run / "learner.json", (NOW - 2000, NOW - 2000))
    assert read_history(run).now >= NOW


def test_a_line_that_is_still_being_written_waits(tmp_path) -> None:
    run = run_of(tmp_path, {}, {})
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"q_mean": 77')
    assert doctor(run) == 0


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere", "20260101-reach"), ("20260101-reach", "metrics.jsonl")]
)
def test_what_is_no_run_is_refused(tmp_path, capsys, name, told) -> None:
    run = run_of(tmp_path, {})
    (run / "metrics.jsonl").unlink()
    assert cli.main(["runs", "--runs-dir", str(run.parent), "doctor", name]) == 2
    assert told in capsys.readouterr().err
