"""Flags of whole systems that are cheap to run: a pendulum, tiny networks, one thread."""

from collections.abc import Mapping
from pathlib import Path

UTD = 2.0
WARM_UP_STEPS = 50
LEAD_STEPS = 20
LEARNER = (
    *("--device", "cpu", "--threads", "1", "--utd", f"{UTD:g}", "--warmup-steps", str(WARM_UP_STEPS)),
    *("--max-lead-steps", str(LEAD_STEPS), "--agent.policy.hidden", "16", "16"),
    *("--agent.critic.hidden", "16", "16", "--sampler.batch-size", "32", "--sampler.demo-share", "0"),
    *("--sampler.replay.online-rows", "20000", "--sampler.replay.pinned-rows", "100"),
    *("--checkpoints.every-updates", "150", "--metrics.every-seconds", "0.5"),
)
PRACTICE = (
    *("--random-steps", str(WARM_UP_STEPS), "--uplink.ring-bytes", str(2**20)),
    *("--evaluation.every-steps", "0", "--farewell-seconds", "20"),
)
ACTOR = ("--env", "gymnasium:Pendulum-v1", *PRACTICE)
SEEING_ACTOR = ("--task", "reach_vision", "--image-size", "32", *PRACTICE)
"""Two cameras; the trunk is frozen, so that it travels and its maps are cached."""


def environment(cache: Path) -> Mapping[str, str]:
    """Variables for the processes: programs compiled once are there for the next life."""
    return {
        "JAX_PLATFORMS": "cpu",
        "HANDSON_CACHE": str(cache),
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.05",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "OPENBLAS_NUM_THREADS": "1",
    }
