import json
from datetime import datetime
from pathlib import Path

import pytest

from deploy import run_directory, runs
from deploy.metrics_tail import MetricsTail, read_metrics
from shared.errors import ConfigError

NOW = datetime(2026, 8, 1, 14, 5, 9)


def finish(run: Path, **result: object) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    (run / "result.json").write_text(json.dumps(result))
    return run


def test_a_run_has_a_stamp_and_latest_follows(tmp_path: Path):
    first = run_directory.create(tmp_path / "runs", "pick_cube", NOW)
    assert first.name == "20260801-140509-pick_cube"
    second = run_directory.create(tmp_path / "runs", "gymnasium:Pendulum-v1", NOW)
    assert second.name == "20260801-140509-Pendulum-v1"
    assert (tmp_path / "runs/latest").resolve() == second
    assert run_directory.create(tmp_path / "runs", "pick_cube", NOW).name == "20260801-140509-pick_cube-2"


def test_a_real_directory_called_latest_is_left_alone(tmp_path: Path):
    (tmp_path / "latest").mkdir()
    run_directory.create(tmp_path, "reach", NOW)
    assert not (tmp_path / "latest").is_symlink()


def test_a_named_directory_must_be_free(tmp_path: Path):
    assert run_directory.claim(tmp_path / "a/b").is_dir()
    (tmp_path / "a/b/file").touch()
    for taken in ("a/b", "a/b/file"):
        with pytest.raises(ConfigError, match="holds something already"):
            run_directory.claim(tmp_path / taken)


def test_runs_are_found_by_name_path_and_latest(tmp_path: Path):
    run = finish(run_directory.create(tmp_path, "reach", NOW))
    for name in (run.name, str(run), "latest"):
        assert run_directory.find(tmp_path, name) == run
    with pytest.raises(ConfigError, match=run.name):
        run_directory.find(tmp_path, "other")


def test_the_list_shows_each_run_once_and_survives_a_damaged_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    finish(run_directory.create(tmp_path, "reach", NOW), task="reach", success_rate=0.98, env_steps=4100)
    finish(tmp_path / "20270101-000000-x").joinpath("result.json").write_text("{")
    assert runs.main(["--runs-dir", str(tmp_path)]) == 0
    header, reach, damaged = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "task", "success"]
    assert reach.split() == ["20260801-140509-reach", "reach", "98%", "-", "-", "4,100", "-", "-"]
    assert damaged.split()[:3] == ["20270101-000000-x", "?", "-"]


def test_show_prints_the_result_and_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = finish(run_directory.create(tmp_path, "reach", NOW), task="reach", updates=7)
    (run / "episodes").mkdir()
    assert runs.main(["--runs-dir", str(tmp_path), "show", "latest"]) == 0
    shown = capsys.readouterr().out
    assert str(run) in shown
    assert "updates" in shown
    assert "episodes/" in shown


def test_no_runs_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert runs.main(["--runs-dir", str(tmp_path / "none")]) == 0
    assert "handson sim" in capsys.readouterr().out


def test_a_growing_file_is_read_line_by_line(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    tail = MetricsTail(path)
    assert tail.read() == []
    path.write_text('{"updates": 1}\n{"upd')
    assert tail.read() == [{"updates": 1}]
    assert tail.read() == []
    with path.open("a") as stream:
        stream.write('ates": 2}\nnot json\n[3]\n{"updates": 4}\n')
    assert tail.read() == [{"updates": 2}, {"updates": 4}]
    assert read_metrics(path) == [{"updates": 1}, {"updates": 2}, {"updates": 4}]


def test_demonstrations_of_a_run_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = run_directory.create(tmp_path, "pick_cube", NOW)
    (run / "result.json").write_text('{"task": "pick_cube"}')
    told = {"file": "demos.mcap", "kept": 12, "successes": 11, "failed": 3, "discarded": 2}
    (run / "demos.json").write_text(json.dumps(told))
    (run / "demos-2.json").write_text("{}")
    assert runs.main(["--runs-dir", str(tmp_path)]) == 0
    assert "12" in capsys.readouterr().out.splitlines()[1].split()
    assert runs.main(["--runs-dir", str(tmp_path), "show", "latest"]) == 0
    shown = capsys.readouterr().out
    assert "demonstrations in demos.mcap: 12 kept, 11 successes, 3 failed, 2 discarded" in shown
