"""sac_hybrid: SAC moves the arm, critics of its own decide for the gripper (HIL-SERL: Luo et al. 2024).

Q_g(s, c) values each joint choice c of {close, stay, open} for every gripper. It learns by double DQN (van
Hasselt et al. 2016) from the rows, n-step returns and discounts that SAC learns from, each from its own part
of the recorded action, so that what the other does is a part of the world. Five things differ from HIL-SERL:
an ensemble in place of one network; exploration, whose level travels in the snapshot; a penalty for what a
gripper really did, worked out from rows (`learner.replay.gripper_rewards`); duelling heads; and cloning of
demonstrated choices, before practice and during it, which moves the differences between choices alone.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from learner.agents.config import SACConfig
from learner.agents.gripper_config import GripperCriticConfig
from learner.agents.losses import annealed, global_norm, imitation_weight, mean_where
from learner.agents.sight import Observation, Sight
from learner.agents.state import GripperState, Metrics, Parameters, SACState
from learner.replay.batch import TransitionBatch
from shared.policy.gripper import GripperCritics, choice_of, motion_of, worth
from shared.policy.gripper_spec import GripperSpec
from shared.policy.spec import PolicySpec


def double_q_target(
    spec: GripperSpec, reward: jax.Array, discount: jax.Array, online: jax.Array, target: jax.Array
) -> jax.Array:
    """(B,): r + discount * Q'(s', c*), c* the best choice by the critics that act; values (members, B, C)."""
    best = jnp.argmax(worth(spec, online), axis=-1)
    return reward + discount * of_choice(worth(spec, target), best)


def of_choice(values: jax.Array, choice: jax.Array) -> jax.Array:
    """(..., B): the values (..., B, C) of the choices (B,)."""
    picked = jnp.broadcast_to(choice, values.shape[:-1])[..., None]
    return jnp.take_along_axis(values, picked, axis=-1)[..., 0]


def choice_cloning_error(values: jax.Array, choice: jax.Array, margin: float) -> jax.Array:
    """(B,): mean over members of m logsumexp(Q / m) - Q(choice), m the margin.

    That is m times the cross-entropy of softmax(Q / m): a soft form of DQfD's "no choice is worth more than
    the demonstrated one" (Hester et al. 2018), whose slopes are never beyond 1.
    """
    soft_best = margin * jax.nn.logsumexp(values / margin, axis=-1)
    return jnp.mean(soft_best - of_choice(values, choice), axis=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class GripperLearner:
    """Static: no array lives here.

    Attributes:
        agent, config: the settings of SAC, and the gripper's among them.
        spec, network: of the critics.
        sight: the heads of its own look at the maps that the policy sees.
        optimiser, cloning_optimiser: of the critics; the latter for cloning before practice.
    """

    agent: SACConfig
    config: GripperCriticConfig
    spec: GripperSpec
    network: GripperCritics
    sight: Sight
    optimiser: optax.GradientTransformation
    cloning_optimiser: optax.GradientTransformation

    @classmethod
    def of(cls, agent: SACConfig, policy: PolicySpec, sight: Sight) -> "GripperLearner | None":
        """What the settings ask for; None where the policy decides for the gripper too."""
        if policy.gripper is None:
            return None
        return cls(
            agent=agent,
            config=agent.gripper,
            spec=policy.gripper,
            network=GripperCritics(policy, policy.gripper),
            sight=sight,
            optimiser=agent.gripper.optimiser.build(),
            cloning_optimiser=agent.cloning.optimiser.build(),
        )

    def init(self, key: jax.Array, observation: Observation) -> GripperState:
        """A new state; targets start equal to the critics."""
        critics = dict(self.network.init(key, observation, self.sight.blank(1))["params"])
        if eyes := self.sight.init(jax.random.fold_in(key, 1)):
            critics |= {"encoder": {"heads": eyes["encoder"]["heads"]}}
        return GripperState(
            critics=critics,
            targets=jax.tree.map(jnp.copy, critics),
            exploration=jnp.float32(self.config.exploration.start),
            optimiser=self.optimiser.init(critics),
            cloning_optimiser=self.cloning_optimiser.init(critics),
        )

    def split(self, batch: TransitionBatch) -> TransitionBatch:
        """The batch with the motion (U, B, M) alone as its action, and the grippers' choice beside it."""
        choice = choice_of(self.spec, batch.action, self.config.threshold)
        return batch._replace(action=motion_of(self.spec, batch.action), gripper_choice=choice)

    def values(self, critics: Parameters, policy: Parameters, seen: Observation) -> jax.Array:
        """(members, B, C) of rows that were looked at; differentiable in `critics` alone."""
        if not self.sight.cameras:
            return self.network.values(critics, seen)
        eyes = jax.lax.stop_gradient(policy["encoder"]) | critics["encoder"]
        return self.network.values(critics, seen, self.sight.vector({"encoder": eyes}, seen))

    def update(
        self,
        state: SACState,
        rows: TransitionBatch,
        seen: tuple[Observation, ...],
        seen_next: tuple[Observation, ...],
    ) -> tuple[SACState, Metrics]:
        """One step on rows (B, ...), then the targets'; `seen` and `seen_next` are DrQ's M and K views."""
        gripper = _state_of(state)
        target = self._target(gripper, state.policy, rows, seen_next)
        cloning, exploring = self.agent.cloning, self.config.exploration
        weight = annealed(cloning.weight_start, cloning.weight_end, cloning.anneal_updates, state.updates)

        def loss(critics: Parameters) -> tuple[jax.Array, Metrics]:
            q = jnp.stack([self.values(critics, state.policy, view) for view in seen])
            error = jnp.mean(jnp.square(of_choice(q, rows.gripper_choice) - target))
            cloning = self._cloning_loss(q[0], rows)
            total = error + self.config.cloning * weight * cloning
            return total, self._metrics(q[0], rows, error, cloning)

        (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(gripper.critics)
        step, optimiser = self.optimiser.update(gradient, gripper.optimiser, gripper.critics)
        critics = optax.apply_updates(gripper.critics, step)
        level = annealed(exploring.start, exploring.end, exploring.anneal_updates, state.updates)
        moved = gripper._replace(
            critics=critics,
            targets=optax.incremental_update(critics, gripper.targets, self.config.tau),
            exploration=level,
            optimiser=optimiser,
        )
        metrics |= {
            "gripper_target": jnp.mean(target),
            "gripper_exploration": level,
            "gripper_gradient_norm": global_norm(gradient),
        }
        return state._replace(gripper=moved), metrics

    def imitate(self, state: SACState, rows: TransitionBatch, seen: Observation) -> tuple[SACState, Metrics]:
        """One step of cloning alone, by its own optimiser; the targets follow at once."""
        gripper = _state_of(state)

        def loss(critics: Parameters) -> tuple[jax.Array, jax.Array]:
            q = self.values(critics, state.policy, seen)
            return self._cloning_loss(q, rows), self._agreement(q, rows)

        (error, agreement), gradient = jax.value_and_grad(loss, has_aux=True)(gripper.critics)
        step, optimiser = self.cloning_optimiser.update(gradient, gripper.cloning_optimiser, gripper.critics)
        critics = optax.apply_updates(gripper.critics, step)
        moved = gripper._replace(
            critics=critics, targets=jax.tree.map(jnp.copy, critics), cloning_optimiser=optimiser
        )
        metrics = {"gripper_cloning_loss": error, "gripper_agreement": agreement}
        return state._replace(gripper=moved), metrics

    def _target(
        self, gripper: GripperState, policy: Parameters, rows: TransitionBatch, seen: tuple[Observation, ...]
    ) -> jax.Array:
        """(B,): the mean over the K shifts of the next observation."""
        targets = [
            double_q_target(
                self.spec,
                rows.reward + rows.gripper_reward,
                rows.discount,
                self.values(gripper.critics, policy, view),
                self.values(gripper.targets, policy, view),
            )
            for view in seen
        ]
        return sum(targets[1:], targets[0]) / len(targets)

    def _cloning_loss(self, values: jax.Array, rows: TransitionBatch) -> jax.Array:
        error = choice_cloning_error(values, rows.gripper_choice, self.config.cloning_margin)
        weight = self.agent.cloning.intervention_weight
        return mean_where(error, imitation_weight(rows.imitate, rows.intervention, weight))

    def _agreement(self, values: jax.Array, rows: TransitionBatch) -> jax.Array:
        best = jnp.argmax(worth(self.spec, values), axis=-1)
        return mean_where(jnp.asarray(best == rows.gripper_choice, jnp.float32), rows.imitate)

    def _metrics(
        self, values: jax.Array, rows: TransitionBatch, error: jax.Array, cloning: jax.Array
    ) -> Metrics:
        return {
            "gripper_loss": error,
            "gripper_q": jnp.mean(of_choice(values, rows.gripper_choice)),
            "gripper_cloning_loss": cloning,
            "gripper_agreement": self._agreement(values, rows),
            "gripper_penalty": jnp.mean(rows.gripper_reward),
        }


def _state_of(state: SACState) -> GripperState:
    assert state.gripper is not None, "the state is of an agent without gripper critics"
    return state.gripper
