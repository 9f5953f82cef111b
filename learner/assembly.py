"""Puts a learner together: which part gets what from which. Nothing here decides anything while training."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice

import jax

from learner.agents.sac import SAC
from learner.agents.state import SACState
from learner.augmented_samples import AUGMENTED, AugmentedSamples, cached_offsets, drawn_offsets
from learner.checkpointer import Checkpointer, Progress, RunIdentity
from learner.checkpoints import CHECKPOINTS
from learner.config import LearnerConfig
from learner.goals import load_goals
from learner.imitation import cloning_batch_bytes, demo_rows
from learner.ingest import Ingest
from learner.initial_state import initial_state
from learner.log import read_log
from learner.metrics import MetricsLog, open_sinks
from learner.news import EncodedTrunk
from learner.probes import Prober
from learner.publisher import Publisher
from learner.replay.batch import zero_batch
from learner.replay.budget import budget
from learner.sampler import Sampler, Witness
from learner.seeing import Seeing, see
from learner.start import EPISODES, Beginning
from learner.telemetry import Sources, Telemetry
from learner.training import Outlets, Trainer, copy_on_device
from learner.watching.goal_returns import goal_returns
from shared.cache import trunk_directory
from shared.clock import Clock
from shared.config import dump_toml
from shared.interface import InterfaceSpec
from shared.policy.acting import make_select_action
from shared.policy.trunks.trunk_file import TrunkStore, encode_trunk
from shared.policy.trunks.weights import TrunkWeights
from shared.policy.vision import cameras
from shared.records import Record

log = logging.getLogger(__name__)

CLOSE_SECONDS = 0.5
CHECKPOINT_CLOSE_SECONDS = 1.5
# Prepared calls, the one being prepared, and the two in flight.
BATCHES_BESIDE_THE_QUEUE = 3


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the parts of one life share.

    Attributes:
        incarnation: of this learner.
        device: what computes, in words.
        wait_until_durable: see `Checkpointer`.
        interrupted: whether a signal came.
        closing: ends the threads of all parts.
    """

    ingest: Ingest
    incarnation: str
    device: str
    wait_until_durable: Callable[[int], bool]
    interrupted: Callable[[], bool]
    clock: Clock
    closing: ExitStack


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A learner that only has to be set going."""

    sampler: Sampler
    publisher: Publisher
    checkpointer: Checkpointer
    metrics: MetricsLog
    telemetry: Telemetry
    trainer: Trainer


def assemble(
    config: LearnerConfig, interface: InterfaceSpec, beginning: Beginning, around: Surroundings
) -> Parts:
    """Check the memory, restore or initialise, compile, and connect all parts.

    Raises:
        MemoryBudgetError: the replay cannot fit.
        CheckpointError: what is to be restored is of other settings, or acts otherwise than it did.
        ConfigError: settings do not go together, or wandb is asked for and not installed.
        CloningInterrupted: a signal came meanwhile.
    """
    seeing = see(config.agent, config.sampler.replay, interface, config.trunk_weights, config.seed)
    announce_memory(config, seeing, () if beginning.networks else beginning.demos)
    goals = load_goals(config.goals, seeing)
    agent = SAC(config.agent, interface, trunk=seeing.trunk, goals=goals)
    if seeing.trunk is not None:
        offer(seeing.trunk, around.ingest)
    select_action = make_select_action(agent.policy_spec)
    prober = Prober(select_action)
    witness = samples_witness(config, seeing, around.closing)
    sampler = build_sampler(config, seeing, beginning, around.ingest, witness)
    around.closing.callback(sampler.close, CLOSE_SECONDS)
    state, progress = initial_state(config, agent, seeing, beginning, select_action, around.interrupted)
    compile_ahead(config, agent, seeing, state, prober)
    return connect(config, agent, state, progress, sampler, prober, around)


def connect(
    config: LearnerConfig,
    agent: SAC,
    state: SACState,
    progress: Progress,
    sampler: Sampler,
    prober: Prober,
    around: Surroundings,
) -> Parts:
    """The trainer with all its outlets, each of which `around.closing` ends."""
    toml = dump_toml(config)
    metrics = MetricsLog(
        open_sinks(config.run_dir, config.metrics, wandb=config.wandb, settings={"toml": toml})
    )
    around.closing.callback(metrics.close, CLOSE_SECONDS)
    publisher = Publisher(agent.policy_spec, around.incarnation, around.ingest.publish)
    around.closing.callback(publisher.close, CLOSE_SECONDS)
    identity = RunIdentity(
        spec=agent.policy_spec, incarnation=around.incarnation, config_toml=toml, device=around.device
    )
    root = config.run_dir / CHECKPOINTS
    checkpointer = Checkpointer(
        root,
        config.checkpoints,
        identity,
        prober,
        around.wait_until_durable,
        around.clock,
        resumed_update=progress.update if progress.call else None,
    )
    around.closing.callback(checkpointer.close, CHECKPOINT_CLOSE_SECONDS)
    aims = entropy_aims(agent)
    sources = Sources(
        gauges=lambda: gauges(around.ingest, sampler, trainer, publisher) | aims,
        stats=around.ingest.stats,
        env_steps=lambda: sampler.ratio.training_steps,
    )
    telemetry = Telemetry(metrics, sources, config.metrics, progress, around.clock)
    outlets = Outlets(
        publisher=publisher,
        checkpointer=checkpointer,
        telemetry=telemetry,
        consumed=around.ingest.progress,
        checks=(around.ingest.check, sampler.check),
    )
    trainer = Trainer(agent, state, progress, sampler, outlets, config.publish, around.clock)
    return Parts(
        sampler=sampler,
        publisher=publisher,
        checkpointer=checkpointer,
        metrics=metrics,
        telemetry=telemetry,
        trainer=trainer,
    )


def offer(trunk: TrunkWeights, ingest: Ingest) -> None:
    """Have the trunk at hand for actors that lack it, and for whoever acts on this computer later."""
    try:
        TrunkStore(trunk_directory()).keep(trunk)
    except OSError as error:
        log.warning("the trunk is not kept for later: %s", error)
    header, buffers = encode_trunk(trunk)
    ingest.offer_trunk(EncodedTrunk(digest=trunk.digest, header=header, buffers=buffers))


def announce_memory(config: LearnerConfig, seeing: Seeing, demos: Sequence[Record]) -> None:
    """Print what the replay will take; raises MemoryBudgetError where that or cloning `demos` cannot fit."""
    needed = budget(
        seeing.layout,
        config.sampler.replay,
        updates=config.ratio.call_updates,
        batch_size=config.sampler.batch_size,
        batches_alive=config.sampler.queue_depth + BATCHES_BESIDE_THE_QUEUE,
    )
    log.info("%s", needed)
    needed.check()
    if demos and config.imitation.updates:
        needed.check_cloning(demo_rows(demos), cloning_batch_bytes(seeing.layout, config.imitation))


def samples_witness(config: LearnerConfig, seeing: Seeing, closing: ExitStack) -> Witness | None:
    """Has a picture made of how the first call's images are shifted; None without cameras."""
    if not cameras(seeing.layout.interface):
        return None
    pad = config.agent.augmentation.pad
    offsets_of = cached_offsets(seeing.maps.seed) if seeing.maps else drawn_offsets(config.seed, pad)
    samples = AugmentedSamples(config.run_dir / AUGMENTED, pad, offsets_of)
    closing.callback(samples.close, CLOSE_SECONDS)
    return samples.show


def build_sampler(
    config: LearnerConfig, seeing: Seeing, beginning: Beginning, ingest: Ingest, witness: Witness | None
) -> Sampler:
    """The sampler, its replay rebuilt from the log up to where the checkpoint was made."""
    sampler = Sampler(
        seeing.layout,
        config.sampler,
        config.ratio,
        seed=config.seed,
        n_step=config.agent.n_step,
        discount=config.agent.discount,
        arrivals=ingest.arrivals,
        device_put=jax.device_put,
        maps=seeing.maps,
        attainable=goal_returns(config.agent),
        witness=witness,
    )
    if beginning.log_records:
        checkpoint = beginning.checkpoint
        # The log of this life has begun to grow: read no more of it than there was.
        records = islice(read_log(config.run_dir / EPISODES), beginning.log_records)
        sampler.restore(
            enumerate(records),
            position=checkpoint.position if checkpoint else 0,
            ratio=checkpoint.ratio if checkpoint else None,
            call=checkpoint.call if checkpoint else 0,
        )
        log.info("the log of this run holds %d records", beginning.log_records)
    return sampler


def compile_ahead(config: LearnerConfig, agent: SAC, seeing: Seeing, state: SACState, prober: Prober) -> None:
    """Compile all that training calls, so that nothing stalls once actors wait for it."""
    if seeing.maps is not None:
        seeing.maps.compile(seeing.layout)
    agent.compile(zero_batch(seeing.layout, config.ratio.call_updates, config.sampler.batch_size))
    jax.block_until_ready((copy_on_device(state), copy_on_device(state.acting)))
    prober.probe(agent.policy_params(state))


def gauges(ingest: Ingest, sampler: Sampler, trainer: Trainer, publisher: Publisher) -> dict[str, float]:
    """Numbers of this moment; read from other threads' parts without a lock, each on its own."""
    counters, ratio, pools = ingest.counters(), sampler.ratio, sampler.pools
    return {
        "utd_target": ratio.config.utd,
        "utd_actual": utd_actual(trainer.progress.update, ratio.training_steps, ratio.config.warmup_steps),
        "updates_forfeited": ratio.forfeited,
        "warmup_left": ratio.warmup_left,
        "actors": len(ingest.actors()),
        "messages_malformed": ingest.malformed,
        "replay_online_rows": len(pools.online.sampleable),
        "replay_pinned_rows": len(pools.pinned.sampleable),
        "replay_nonfinite_rows": pools.online.nonfinite + pools.pinned.nonfinite,
        "snapshots_published": publisher.published,
        "records_received": counters.received,
        "records_durable": counters.durable,
        "records_duplicate": counters.duplicate,
        "records_lost": counters.lost,
        **sampler.watch.figures,
    }


def entropy_aims(agent: SAC) -> dict[str, float]:
    """What entropy is held against: its target, where there is one, and how many elements share it."""
    temperature, size = agent.config.temperature, agent.policy_spec.motion_size
    if not temperature.learned:
        return {}
    return {"motion_size": size, "entropy_target": temperature.target_entropy_per_element * size}


def utd_actual(updates: int, training_steps: int, warmup_steps: int) -> float:
    """Critic updates per training step after the warm-up; 0 before there is one."""
    return updates / (training_steps - warmup_steps) if training_steps > warmup_steps else 0.0
