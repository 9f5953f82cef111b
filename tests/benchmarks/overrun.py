"""Overrun of the period at 10 Hz: two librealsense cameras, each in its process, policy, uplink, disk.

Once with the learner elsewhere, once with another process that computes critic updates on the same cores.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from actor.policy_runner import PolicyChooser, PolicyRunner, configure_device
from actor.rewards.environment import EnvironmentReward
from actor.rollout import EpisodeHooks, Rollout
from actor.trunks import Trunks
from actor.uplink import Uplink
from robot_env.cameras.software import SoftwareCameraConfig
from robot_env.registry import make
from shared.clock import SystemClock
from shared.policy.trunks.trunk_file import TrunkStore
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import VisionConfig
from shared.step import EpisodeKind, Step
from tests.benchmarks.acting import LIMIT_MS, random_snapshot

EPISODES, QUICK_EPISODES = 6, 1
SIZE = 64
TRAIN = """
from itertools import count
import jax
from learner.agents.presets import PRESETS
from learner.agents.sac import SAC
from tests.benchmarks.updates import INTERFACE, random_batch, stepper
agent = SAC(PRESETS["serl"], INTERFACE)
step = stepper(agent.update, agent.init(jax.random.key(0)), random_batch(8))
step()
print("training", flush=True)
for _ in count():
    step()
"""


def main(*, quick: bool = False) -> Iterator[dict[str, object]]:
    """p50, p99 and the longest overrun, alone and beside updates."""
    configure_device("cpu")
    episodes = QUICK_EPISODES if quick else EPISODES
    yield {"figure": "period overrun at 10 Hz, two cameras, learner elsewhere"} | _overrun(episodes)
    with _training():
        yield {"figure": "period overrun at 10 Hz, two cameras, learner on the same cores"} | _overrun(
            episodes
        )


def _overrun(episodes: int) -> dict[str, object]:
    """Episodes of reach_vision by a policy that knows nothing, each of its 100 periods."""
    cameras = tuple(SoftwareCameraConfig(name=name, height=SIZE, width=SIZE) for name in ("front", "wrist"))
    with ExitStack() as opened:
        env = make("reach_vision", clock=SystemClock(), arm="point", cameras=cameras)
        opened.callback(env.close)
        interface = env.get_wrapper_attr("interface")
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        vision = VisionConfig()
        trunk = load_trunk(vision, "random")
        TrunkStore(folder).keep(trunk)
        runner = PolicyRunner(interface, seed=0, trunks=Trunks(folder))
        runner.load(random_snapshot(interface, 0, vision, trunk.digest))
        uplink = Uplink(folder / "spool", "bench", "0", interface)
        opened.callback(uplink.close, 5.0)
        rollout = Rollout(env, interface, EnvironmentReward())
        faults = 0
        for episode in range(episodes):

            def keep(step: Step, number: int, episode: int = episode) -> None:
                uplink.put(step, episode, number, EpisodeKind.TRAINING)

            outcome = rollout.play(PolicyChooser(runner), episode, EpisodeHooks(keep=keep))
            faults += outcome.fault is not None
        late = rollout.overrun_seconds
        p50, p99, longest = (1e3 * (late.percentile(p) or 0.0) for p in (50, 99, 100))
        return {
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
            "max_ms": round(longest, 3),
            "limit_p99_ms": LIMIT_MS,
            "periods": len(late),
            "faults": faults,
        }


@contextmanager
def _training() -> Iterator[None]:
    """A process that computes updates for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, "-c", TRAIN], stdout=subprocess.PIPE, text=True)
    with process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != "training":
                raise RuntimeError(f"the training process ended with {process.wait(10)}")
            yield
        finally:
            process.kill()
