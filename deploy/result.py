"""result.json: what a run achieved and what it took, from what each process left."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.sim_config import SimConfig

FROM_EVALUATION = (
    "success_rate",
    "success_interval",
    "eval_episodes",
    "mean_return",
    "cycle_seconds",
    "failures",
    "policy_update",
)
FROM_LEARNER = (
    "env_steps",
    "demo_steps",
    "updates",
    "pretrain_updates",
    "utd_target",
    "utd_actual",
    "warmup_steps",
    "updates_forfeited",
    "updates_per_second",
    "train_seconds",
    "snapshots_published",
)
FROM_ACTOR = (
    "steps_produced",
    "snapshots_applied",
    "policy_age_p99_seconds",
    "period_overrun_p99_seconds",
    "lead_wait_seconds",
)
DELIVERY = ("received", "durable", "duplicate", "lost")


def assemble(config: SimConfig, run: Path, *, stopped_by: str, wall_seconds: float) -> dict[str, Any]:
    """The content of result.json.

    `steps_received`, `steps_durable`, `steps_duplicate` and `steps_lost` are the learner's counts of this
    actor's streams, as its Farewell told; without one, its counts of all actors.
    """
    learner = read(run / "learner.json")
    actor = read(run / f"{config.actor.actor_id}.json")
    evaluation = read(run / "evaluation.json")
    delivered: Mapping[str, Any] = actor.get("learner") or {}
    return {
        "task": config.environment,
        "seed": config.seed,
        "stopped_by": stopped_by,
        **{key: evaluation.get(key) for key in FROM_EVALUATION},
        **{key: learner.get(key) for key in FROM_LEARNER},
        **{key: actor.get(key) for key in FROM_ACTOR},
        **{f"steps_{name}": delivered.get(name, learner.get(f"steps_{name}")) for name in DELIVERY},
        "wall_seconds": wall_seconds,
        "code_version": learner.get("code_version"),
        "device": learner.get("device"),
        "versions": learner.get("versions"),
    }


def read(path: Path) -> dict[str, Any]:
    """A JSON object of one process; empty where it left none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object, all of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
