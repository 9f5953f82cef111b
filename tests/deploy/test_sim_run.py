"""`handson sim` as a person runs it: real processes, a short run, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.doctor.reading import read_history
from learner.alarms.base import Level
from learner.alarms.diagnosis import diagnose
from shared.episodes import read_episodes

RUN_SECONDS = 100
SMALL = (
    *("--learner.agent.policy.hidden", "16", "16", "--learner.agent.critic.hidden", "16", "16"),
    *("--learner.sampler.batch-size", "32"),
)
HURRY = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
"""Compiling such small networks well takes longer than running them."""
EBML = bytes.fromhex("1a45dfa3")


def command(run: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "deploy.cli",
        "sim",
        "--run-dir",
        str(run),
        "--final-episodes",
        "2",
        *SMALL,
        *options,
    ]


@pytest.mark.timeout(RUN_SECONDS + 20)
def test_a_short_run_leaves_everything(tmp_path: Path):
    run = tmp_path / "run"
    short = ("--demos", "2", "--actor.max-steps", "130", "--actor.evaluation.every-steps", "60")
    few = ("--actor.evaluation.episodes", "2", "--learner.imitation.updates", "50", "--minutes", "5")
    few += ("--target.stop-at", "2")
    done = subprocess.run(
        command(run, "--task", "reach", *short, *few),
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        env=os.environ | HURRY,
    )
    assert done.returncode in (0, 3), done.stdout + done.stderr
    for name in (
        *("config.toml", "result.json", "report.html", "policy.webm", "metrics.jsonl", "best.snapshot"),
        *(
            "learner.log",
            "actor-0.log",
            "episodes",
            "checkpoints",
            "tensorboard",
            "demos.mcap",
            "evaluation.json",
        ),
    ):
        assert (run / name).exists(), name
    assert (run / "policy.webm").read_bytes().startswith(EBML)
    assert list((run / "episodes").glob("*.mcap"))
    found = json.loads((run / "result.json").read_text())
    assert found["stopped_by"] == "steps"
    assert found["env_steps"] == found["steps_produced"] == 130
    assert found["steps_produced"] == found["steps_received"] == found["steps_durable"]
    assert found["steps_lost"] == 0
    earned = found["utd_target"] * (found["env_steps"] - found["warmup_steps"])
    assert abs(found["updates"] - earned) <= found["utd_target"]
    assert f"{found['success_rate']:.0%} of 2 greedy episodes" in done.stdout
    _require_figures_for_the_doctor(run)


def _require_figures_for_the_doctor(run: Path) -> None:
    """The processes write what alarms ask for, by the names by which they ask."""
    findings = {finding.name: finding for finding in diagnose(read_history(run))}
    told = ("no_reward", "done_at_start", "q_out_of_bounds", "entropy_collapse", "stale_data", "policy_age")
    for name in told:
        assert findings[name].level is not Level.UNKNOWN, findings[name]
    assert findings["starts_far"].evidence.startswith("2 demonstrations")
    assert findings["stale_data"].level is Level.OK
    assert findings["done_at_start"].level is Level.OK


@pytest.mark.timeout(RUN_SECONDS + 20)
def test_ctrl_c_keeps_what_was_recorded(tmp_path: Path, wait_until):
    run = tmp_path / "run"
    log = run / "actor-0.log"
    process = subprocess.Popen(
        command(run, "--env", "gymnasium:Pendulum-v1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | HURRY,
    )
    with process:
        wait_until(lambda: "training/episode_return" in _text(run / "metrics.jsonl"), RUN_SECONDS, _text(log))
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    print(f"ended {time.monotonic() - pressed:.1f} s after Ctrl-C")
    assert process.returncode == 130
    assert str(run) in told
    records = [r for path in sorted((run / "episodes").glob("*.mcap")) for r in read_episodes(path).records()]
    assert len(records) >= 200


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
