"""The agent's state with which training begins: restored, taken from another run, cloned, or new."""

import logging
from collections.abc import Callable

import jax

from learner.agents.sac import SAC
from learner.agents.state import SACState, flat_to_state
from learner.checkpointer import Progress
from learner.checkpoints import Checkpoint
from learner.config import LearnerConfig
from learner.imitation import demo_store, imitate
from learner.probes import verify
from learner.seeing import Seeing
from learner.start import Beginning, with_networks
from shared.errors import CheckpointError
from shared.policy.acting import SelectAction

log = logging.getLogger(__name__)


def initial_state(
    config: LearnerConfig,
    agent: SAC,
    seeing: Seeing,
    beginning: Beginning,
    select_action: SelectAction,
    interrupted: Callable[[], bool],
) -> tuple[SACState, Progress]:
    """The agent's state: restored and checked, taken from another run, cloned from demonstrations, or new."""
    state = agent.init(jax.random.key(config.seed))
    if (checkpoint := beginning.checkpoint) is not None:
        require_trunk(checkpoint, agent)
        state = flat_to_state(state, checkpoint.state)
        whose = f"checkpoint {checkpoint.update}"
        verify(checkpoint.probes, select_action, agent.policy_params(state), whose)
        log.info("going on from %s", whose)
        return state, progress_of(checkpoint)
    if beginning.networks is not None:
        log.info("starting with the networks of %s", beginning.networks.path)
        return with_networks(agent, state, beginning.networks), Progress(ratio={})
    maps = seeing.maps and seeing.maps.until(interrupted)
    demos = demo_store(seeing.layout, beginning.demos, maps)
    state, updates = imitate(agent, state, demos, config.imitation, config.seed, interrupted)
    return state, Progress(ratio={}, pretrain_updates=updates)


def require_trunk(checkpoint: Checkpoint, agent: SAC) -> None:
    """Refuse to go on with another frozen trunk: heads that have learned one understand no other."""
    theirs, ours = checkpoint.policy.spec.trunk_digest, agent.policy_spec.trunk_digest
    if theirs != ours:
        raise CheckpointError(
            "checkpoint",
            f"the policy sees through the frozen trunk {theirs or 'none'}, this run loads {ours or 'none'}",
            "give the same --trunk-weights as before",
        )


def progress_of(checkpoint: Checkpoint) -> Progress:
    """Where training stood when the checkpoint was made."""
    return Progress(
        update=checkpoint.update,
        call=checkpoint.call,
        position=checkpoint.position,
        ratio=checkpoint.ratio,
        pretrain_updates=checkpoint.pretrain_updates,
    )
