"""Critic updates a second at SERL's shapes, beside a straightforward version and a large matrix product.

Observation 10, action 4, hidden 256 and 256 with LayerNorm and tanh, batch 256. The three take turns, so that
a busy machine slows all of them; each figure is from its fastest turn, ours with the median beside it.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.sac import SAC
from learner.critics import CriticConfig
from learner.devices import DeviceConfig, prepare_device
from learner.replay.batch import TransitionBatch, zero_batch
from learner.replay.layout import BatchLayout
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from tests.benchmarks._plain_sac import PlainSAC

BATCH = 256
HIDDEN = 256
OBSERVATION = 10
ACTION = 4
PRODUCT = 2048
TURNS = 15
SHAPES = ((10, 2, 8), (10, 2, 20), (2, None, 8), (2, None, 20))
"""(critics, subset, UTD)"""

INTERFACE = InterfaceSpec(
    name="serl_shapes",
    observations=(ObservationEntry(name="state", shape=(OBSERVATION,), dtype="float32"),),
    actions=(ActionEntry(name="action", low=(-1.0,) * ACTION, high=(1.0,) * ACTION, unit="1"),),
    control_hz=10.0,
)


def main() -> Iterator[dict[str, object]]:
    """One row for each shape."""
    prepare_device(DeviceConfig(compile_cache=False))
    for members, subset, utd in SHAPES:
        yield measure(members, subset, utd)


def measure(members: int, subset: int | None, utd: int, turns: int = TURNS) -> dict[str, object]:
    """Rates of ours, of the straightforward version and of the product, and how they compare."""
    config = SACConfig(
        critic=CriticConfig(members=members, subset=subset),
        cloning=CloningConfig(weight_start=0.0, weight_end=0.0),
    )
    batch = random_batch(utd)
    agent, plain = SAC(config, INTERFACE), PlainSAC(config, INTERFACE)
    times = take_turns(
        {
            "ours": stepper(agent.update, agent.init(jax.random.key(0)), batch),
            "plain": stepper(plain.update, plain.init(jax.random.key(0)), batch),
            "product": multiplier(),
        },
        turns,
    )
    rates = {name: utd / min(seconds) for name, seconds in times.items()}
    flops = 2.0 * PRODUCT**3 / min(times["product"])
    return {
        "critics": members,
        "subset": subset,
        "utd": utd,
        "device": jax.devices()[0].device_kind,
        "updates_per_second": round(rates["ours"], 1),
        "updates_per_second_median": round(utd / statistics.median(times["ours"]), 1),
        "plain_updates_per_second": round(rates["plain"], 1),
        "ratio": round(rates["ours"] / rates["plain"], 2),
        "gigaflops_per_update": round(flops_per_update(config, utd) / 1e9, 3),
        "product_gigaflops_per_second": round(flops / 1e9, 1),
        "fraction_of_product": round(flops_per_update(config, utd) * rates["ours"] / flops, 3),
        "traces": agent.traces["update"],
    }


def flops_per_update(config: SACConfig, utd: int) -> float:
    """Floating point operations of one critic update's matrix products, its share of the policy's included.

    A product of (n, k) and (k, m) is 2nkm; backward through a layer is one for its kernel, one for its input.
    """
    first, second, head = 2.0 * HIDDEN * (OBSERVATION + ACTION), 2.0 * HIDDEN * HIDDEN, 2.0 * HIDDEN
    forward = first + second + head
    members, targets = config.critic.members, config.critic.targets
    critics = members * (forward + first + 2 * second + 2 * head) + targets * forward
    policy_first, policy_head = 2.0 * HIDDEN * OBSERVATION, 4.0 * HIDDEN * ACTION
    policy_forward = policy_first + second + policy_head
    policy_backward = policy_first + 2 * second + 2 * policy_head
    through_critics = members * (forward + second + head + 2.0 * HIDDEN * ACTION)
    return BATCH * (critics + policy_forward + (policy_forward + policy_backward + through_critics) / utd)


def random_batch(utd: int) -> TransitionBatch:
    """A call's worth of noise, on the device."""
    rng = np.random.default_rng(0)
    zeros = zero_batch(BatchLayout(interface=INTERFACE), utd, BATCH)
    return jax.device_put(jax.tree.map(lambda x: rng.uniform(-1, 1, x.shape).astype(np.float32), zeros))


def stepper(
    update: Callable[[object, TransitionBatch], tuple[object, object]], state: object, batch: TransitionBatch
) -> Callable[[], None]:
    """One call and the wait for its result."""
    held = [state]

    def step() -> None:
        held[0], _ = update(held[0], batch)
        jax.block_until_ready(held[0])

    return step


def multiplier() -> Callable[[], None]:
    """One large float32 product and the wait for it."""
    square = jnp.ones((PRODUCT, PRODUCT), jnp.float32)
    product = jax.jit(jnp.matmul)
    return lambda: jax.block_until_ready(product(square, square))


def take_turns(steps: dict[str, Callable[[], None]], turns: int) -> dict[str, list[float]]:
    """Seconds of each turn of each step, after one turn to compile."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(turns + 1):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            if turn:
                times[name].append(time.perf_counter() - started)
    return times
