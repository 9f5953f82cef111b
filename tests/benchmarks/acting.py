"""Action selection on the CPU, from states and from cameras: what one period pays for the policy."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from actor.policy_runner import PolicyChooser, PolicyRunner, configure_device
from actor.rollout import EpisodeHooks
from actor.trunks import Trunks
from actor.uplink import Uplink
from actor.world import open_world
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.encoder import ImageEncoder
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot
from shared.policy.spec import PolicySpec
from shared.policy.trunks.trunk_file import TrunkStore
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import VisionConfig
from shared.step import EpisodeKind, Step, Why

ACTIONS = 5_000
SNAPSHOTS = 200
FRAMES = 300
QUICK_PERIODS = 30
LIMIT_MS = 2.0
SEEING_LIMIT_MS = 30.0


def main(*, quick: bool = False) -> Iterator[dict[str, object]]:
    """p50 and p99 of one action, and of exchanging the parameters, for a 256x256 policy.

    `spinning_p99_ms` is the p99 of a loop that only watches the clock for as long as the median action takes;
    on a busy machine both p99 are the scheduler's.
    """
    configure_device("cpu")
    interface = InterfaceSpec(
        name="bench",
        observations=tuple(
            ObservationEntry(name=name, shape=(size,), dtype="float32")
            for name, size in (("arm/tcp_position_base_m", 3), ("arm/tcp_velocity_m_s", 3), ("cube", 4))
        ),
        actions=(ActionEntry(name="move", low=(-1.0,) * 4, high=(1.0,) * 4, unit="m"),),
        control_hz=10.0,
    )
    rng = np.random.default_rng(0)
    observations = [
        {entry.name: rng.normal(size=entry.shape).astype(np.float32) for entry in interface.observations}
        for _ in range(100)
    ]
    snapshots = [random_snapshot(interface, version) for version in range(2)]
    runner = PolicyRunner(interface, seed=0)
    began = time.perf_counter()
    runner.load(snapshots[0])
    compile_ms = 1e3 * (time.perf_counter() - began)
    for greedy in (False, True):
        seen = len(runner.selection_seconds)
        for index in range(ACTIONS):
            runner.act(observations[index % len(observations)], greedy=greedy)
        p50, p99 = (1e3 * (runner.selection_seconds.percentile(p, since=seen) or 0.0) for p in (50, 99))
        yield {
            "figure": "action selection, " + ("greedy" if greedy else "sampled"),
            "p50_ms": round(p50, 4),
            "p99_ms": round(p99, 4),
            "limit_ms": LIMIT_MS,
            "spinning_p99_ms": round(_spinning_p99_ms(p50), 4),
            "traces": runner.traces,
            "compile_ms": round(compile_ms, 1),
        }
    loads = []
    for index in range(SNAPSHOTS):
        began = time.perf_counter()
        runner.load(snapshots[(index + 1) % 2])
        loads.append(1e3 * (time.perf_counter() - began))
    p50, p99 = np.percentile(loads, [50, 99])
    yield {"figure": "exchanging the parameters", "p50_ms": round(p50, 4), "p99_ms": round(p99, 4)}
    for size in (64,) if quick else (64, 128):
        yield _seeing(size)
    yield _control_loop(QUICK_PERIODS if quick else None)


def _seeing(size: int) -> dict[str, object]:
    """From two cameras, through the pretrained trunk, its weights random."""
    vision = VisionConfig()
    interface = InterfaceSpec(
        name="bench",
        observations=(
            ObservationEntry(name="arm/tcp_position_base_m", shape=(3,), dtype="float32"),
            *(
                ObservationEntry(name=f"{name}/image", shape=(size, size, 3), dtype="uint8")
                for name in ("front", "wrist")
            ),
        ),
        actions=(ActionEntry(name="move", low=(-1.0,) * 4, high=(1.0,) * 4, unit="m"),),
        control_hz=10.0,
    )
    rng = np.random.default_rng(0)
    observations = [
        {e.name: rng.integers(0, 256, e.shape).astype(e.dtype) for e in interface.observations}
        for _ in range(10)
    ]
    with tempfile.TemporaryDirectory() as directory:
        trunk = load_trunk(vision, "random")
        TrunkStore(Path(directory)).keep(trunk)
        runner = PolicyRunner(interface, seed=0, trunks=Trunks(Path(directory)))
        began = time.perf_counter()
        runner.load(random_snapshot(interface, 0, vision, trunk.digest))
        compile_ms = 1e3 * (time.perf_counter() - began)
    for index in range(FRAMES):
        runner.act(observations[index % len(observations)])
    p50, p99 = (1e3 * (runner.selection_seconds.percentile(p) or 0.0) for p in (50, 99))
    return {
        "figure": f"action selection, two {size}x{size} cameras, {vision.trunk}",
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
        "limit_ms": SEEING_LIMIT_MS,
        "spinning_p99_ms": round(_spinning_p99_ms(p50, FRAMES), 3),
        "traces": runner.traces,
        "compile_ms": round(compile_ms, 1),
    }


def _control_loop(periods: int | None) -> dict[str, object]:
    """Overrun of the period: simulated arm on the wall clock, policy, uplink to the disk, no learner."""
    with open_world("reach", "wall") as world, tempfile.TemporaryDirectory() as spool:
        runner = PolicyRunner(world.interface, seed=0)
        runner.load(random_snapshot(world.interface, 0))
        uplink = Uplink(Path(spool), "bench", "0", world.interface)

        def keep(step: Step, number: int) -> None:
            uplink.put(step, 0, number, EpisodeKind.TRAINING)

        def interrupted() -> Why | None:
            over = periods is not None and uplink.counters().produced + 1 >= periods
            return Why.OPERATOR_ABORT if over else None

        try:
            hooks = EpisodeHooks(keep=keep, interrupted=interrupted)
            outcome = world.rollout.play(PolicyChooser(runner), 0, hooks)
        finally:
            uplink.close(5.0)
        p50, p99 = (1e3 * (world.rollout.overrun_seconds.percentile(p) or 0.0) for p in (50, 99))
        return {
            "figure": "period overrun at 10 Hz, reach",
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
            "limit_ms": LIMIT_MS,
            "periods": outcome.length,
        }


def _spinning_p99_ms(milliseconds: float, count: int = ACTIONS) -> float:
    """p99 of doing nothing for so long: what the machine's other processes add to any measurement."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        while (elapsed := time.perf_counter() - began) < 1e-3 * milliseconds:
            pass
        times.append(1e3 * elapsed)
    return float(np.percentile(times, 99))


def random_snapshot(
    interface: InterfaceSpec, version: int, vision: VisionConfig | None = None, trunk_digest: str = ""
) -> PolicySnapshot:
    spec = PolicySpec(interface=interface, hidden=(256, 256), vision=vision, trunk_digest=trunk_digest)
    zeros = {entry.name: np.zeros(entry.shape, entry.dtype) for entry in interface.observations}
    key, images, params = jax.random.key(version), None, {}
    if vision is not None:
        encoder = ImageEncoder(vision, interface)
        images = np.zeros(len(encoder.cameras) * vision.bottleneck, np.float32)
        params["encoder"] = jax.jit(encoder.init)(key)
    params |= jax.jit(GaussianPolicy(spec).init)(key, zeros, images)["params"]
    return PolicySnapshot(
        spec=spec,
        params=flatten(params),
        learner_incarnation="bench",
        version=version,
        update=0,
        created_at_seconds=time.time(),
    )
