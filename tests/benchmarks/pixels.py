"""DrQ updates a second from two 128x128 cameras: cached maps beside the trunk at every update.

Batch 256; critics as SERL and HIL-SERL have them; heads of this project and, on ResNet-10, SERL's beside
them. A critic update looks at 1024 frames: a batch and what follows it, from two cameras. From frames it
takes so long that it has one turn; cached maps and a large product of matrices have theirs before and after
it. Whole calls, with a policy update, and states alone stand beside.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from learner.agents.config import SACConfig
from learner.agents.critic_update import update_critics
from learner.agents.map_encoder import MapEncoder
from learner.agents.networks import SACNetworks
from learner.agents.presets import DRQ, HIL_SERL
from learner.agents.sac import SAC
from learner.devices import DeviceConfig, prepare_device
from learner.replay.batch import TransitionBatch, zero_batch
from learner.replay.layout import BatchLayout
from learner.replay.maps import PAD, MapSource
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.encoder import ImageEncoder
from shared.policy.parameters import unflatten
from shared.policy.trunks.build import build_trunk
from shared.policy.trunks.weights import TrunkWeights, load_trunk
from shared.policy.vision import VisionConfig
from tests.benchmarks.updates import PRODUCT, multiplier, stepper, take_turns

BATCH = 256
UTD = 4
TURNS = 5
CHUNKS = 30
CAMERAS = ("front/image", "wrist/image")
RESNET = VisionConfig(trunk="resnet10_frozen")
SERL_HEADS = replace(RESNET, bottleneck=256, shared=True)
EFFICIENTNET = VisionConfig()
ENSEMBLES = (DRQ, HIL_SERL)

Step = Callable[[], object]


def main() -> Iterator[dict[str, object]]:
    """Updates for each trunk and ensemble; frames encoded for each trunk and image size."""
    prepare_device(DeviceConfig(compile_cache=False))
    for vision in (RESNET, SERL_HEADS, EFFICIENTNET):
        trunk = load_trunk(vision, "random")
        for ensemble in ENSEMBLES:
            yield updates(replace(ensemble, vision=vision), trunk)
    for vision in (RESNET, EFFICIENTNET):
        trunk = load_trunk(vision, "random")
        for size in (64, 128):
            yield encoding(vision, trunk, size)


def updates(config: SACConfig, trunk: TrunkWeights) -> dict[str, object]:
    """Critic updates a second from maps and from frames, how they compare, and what bounds each."""
    interface = world(128)
    encoder = ImageEncoder(config.vision, interface)
    maps = BatchLayout(interface=interface, map_shapes={name: encoder.map_shape(name) for name in CAMERAS})
    cached_flops, cached = critics(config, maps)
    _, frames = critics(config, BatchLayout(interface=interface), trunk)
    steps = {"cached": cached, "product": multiplier()}
    before = take_turns(steps, TURNS)
    began = time.perf_counter()
    frames()
    uncached_seconds = time.perf_counter() - began
    times = {name: seconds + before[name] for name, seconds in take_turns(steps, TURNS).items()}
    trunk_flops = 4 * BATCH * flops_of(build_trunk(config.vision).apply, variables(trunk), frame(128))
    product = 2.0 * PRODUCT**3 / min(times["product"])
    rate, uncached_rate = 1 / min(times["cached"]), 1 / uncached_seconds
    return {
        "figure": f"critic updates from two 128x128 cameras, {config.vision.trunk}",
        "bottleneck": config.vision.bottleneck,
        "critics": config.critic.members,
        "subset": config.critic.subset,
        "device": jax.devices()[0].device_kind,
        "cached_updates_per_second": round(rate, 2),
        "cached_updates_per_second_median": round(1 / statistics.median(times["cached"]), 2),
        "frames_updates_per_second": round(uncached_rate, 4),
        "frames_seconds_per_update": round(uncached_seconds, 2),
        "ratio": round(rate / uncached_rate, 1),
        "ratio_median": round(uncached_seconds / statistics.median(times["cached"]), 1),
        "cached_gigaflops_per_update": round(cached_flops / 1e9, 2),
        "frames_gigaflops_per_update": round((cached_flops + trunk_flops) / 1e9, 1),
        "product_gigaflops_per_second": round(product / 1e9, 1),
        "cached_fraction_of_product": round(cached_flops * rate / product, 3),
        "frames_fraction_of_product": round((cached_flops + trunk_flops) * uncached_rate / product, 3),
        **calls(config, maps),
    }


def critics(config: SACConfig, layout: BatchLayout, trunk: TrunkWeights | None = None) -> tuple[float, Step]:
    """The operations of one critic update, and the update, compiled but not yet run."""
    networks = SACNetworks.of(config, layout.interface)
    state = jax.jit(networks.init)(jax.random.key_data(jax.random.key(0)))
    weights = None if trunk is None else jax.device_put(unflatten(trunk.params))
    batch = random_batch(layout, 1)
    lowered = jax.jit(partial(update_critics, networks)).lower(state, batch, weights)
    compiled = lowered.compile()
    return float(lowered.cost_analysis()["flops"]), lambda: jax.block_until_ready(
        compiled(state, batch, weights)
    )


def calls(config: SACConfig, layout: BatchLayout) -> dict[str, object]:
    """Updates a second of whole calls, from maps and from states alone."""
    blind = BatchLayout(interface=world())
    times = take_turns({"seeing": call(config, layout), "blind": call(config, blind)}, TURNS)
    return {
        "utd": UTD,
        "cached_with_policy_updates_per_second": round(UTD / min(times["seeing"]), 2),
        "state_with_policy_updates_per_second": round(UTD / min(times["blind"]), 2),
    }


def call(config: SACConfig, layout: BatchLayout) -> Callable[[], None]:
    agent = SAC(config, layout.interface)
    return stepper(agent.update, agent.init(jax.random.key(0)), random_batch(layout, UTD))


def encoding(vision: VisionConfig, trunk: TrunkWeights, size: int) -> dict[str, object]:
    """Frames a second as the replay has them encoded, in its chunks."""
    encode = MapEncoder(vision, trunk, PAD)
    chunk = MapSource(encode=encode, shifts=1, seed=0).chunk
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (chunk, size, size, 3), np.uint8)
    offsets = rng.integers(0, 2 * PAD + 1, (chunk, 2)).astype(np.int32)
    times = take_turns({"encode": lambda: encode(frames, offsets)}, CHUNKS)["encode"]
    flops = flops_of(build_trunk(vision).apply, variables(trunk), frame(size))
    return {
        "figure": f"encoding frames of {size}x{size} for the cache, {vision.trunk}",
        "device": jax.devices()[0].device_kind,
        "chunk": chunk,
        "frames_per_second": round(chunk / min(times), 1),
        "frames_per_second_median": round(chunk / statistics.median(times), 1),
        "gigaflops_per_frame": round(flops / 1e9, 3),
        "gigaflops_per_second": round(chunk * flops / min(times) / 1e9, 1),
    }


def world(size: int = 0) -> InterfaceSpec:
    """Ten numbers, two cameras of `size` (none without), four elements of action."""
    cameras = CAMERAS if size else ()
    return InterfaceSpec(
        name="pixels",
        observations=(
            ObservationEntry(name="state", shape=(10,), dtype="float32"),
            *(ObservationEntry(name=name, shape=(size, size, 3), dtype="uint8") for name in cameras),
        ),
        actions=(ActionEntry(name="action", low=(-1.0,) * 4, high=(1.0,) * 4, unit="1"),),
        control_hz=10.0,
    )


def random_batch(layout: BatchLayout, updates: int) -> TransitionBatch:
    """Noise of the layout's shapes, on the device."""
    rng = np.random.default_rng(0)

    def noise(zeros: np.ndarray) -> np.ndarray:
        if zeros.dtype == np.uint8:
            return rng.integers(0, 256, zeros.shape, np.uint8)
        return rng.random(zeros.shape, np.float32).astype(zeros.dtype)

    return jax.device_put(jax.tree.map(noise, zero_batch(layout, updates, BATCH)))


def variables(trunk: TrunkWeights) -> dict[str, Any]:
    """As the trunk's module takes them."""
    return {"params": unflatten(trunk.params)}


def frame(size: int) -> jax.Array:
    """(1, size, size, 3): one."""
    return jnp.zeros((1, size, size, 3), jnp.uint8)


def flops_of(function: Callable[..., object], *args: object) -> float:
    """Floating point operations of one call, as XLA counts them before it optimises."""
    return float(jax.jit(function).lower(*args).cost_analysis()["flops"])
