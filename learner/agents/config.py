"""SACConfig: every setting of soft actor-critic. `learner.agents.presets` names whole sets."""

from dataclasses import dataclass, field
from typing import Literal

from learner.agents.augmentation import AugmentationConfig
from learner.agents.constraint import ConstraintConfig
from learner.agents.gripper_config import GripperCriticConfig
from learner.agents.vice import ViceConfig
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from shared.errors import ConfigError
from shared.policy.distributions import ACTION_LIMIT
from shared.policy.spec import PolicyConfig
from shared.policy.vision import VisionConfig


@dataclass(frozen=True, kw_only=True)
class TemperatureConfig:
    """The weight alpha of the policy's entropy."""

    initial: float = 0.01
    """Alpha at the start."""
    target_entropy_per_element: float = -0.5
    """Entropy, in nats per action element, that alpha is adjusted to hold; its A-fold is the target."""
    learned: bool = True
    """Whether alpha is adjusted at all."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """Its optimiser; steps are counted in update calls."""

    def __post_init__(self) -> None:
        if self.initial <= 0:
            raise ConfigError("temperature", f"initial is {self.initial:g}", "choose a value above 0")


@dataclass(frozen=True, kw_only=True)
class CloningConfig:
    """Behaviour cloning inside the policy's loss, on rows whose action a person or a script chose."""

    weight_start: float = 1.0
    """Weight of the cloning term at the start; 0 at both ends turns it off."""
    weight_end: float = 0.1
    """Weight after the annealing."""
    anneal_updates: int = 10_000
    """Critic updates over which the weight goes linearly from start to end."""
    nll_share: float = 0.0
    """0: squared error of the mean action; 1: negative log-likelihood; between: their mixture."""
    normalise_q: bool = True
    """Divide the rest of the loss by the mean of |Q|: the weight keeps its meaning as Q grows (TD3+BC)."""
    q_floor: float = 0.1
    """What that mean is at least, so that an untrained critic is not blown up."""
    q_filter: bool = False
    """Clone only where the critics value the demonstrated action above the policy's own."""
    intervention_weight: float = 1.0
    """Weight of a step in which a person took over, beside the 1 of a demonstrated one; 0: demos alone."""
    skip_still: bool = False
    """Do not clone actions that are exactly 0, as HIL-SERL's cloning; the replay keeps them."""
    action_limit: float = ACTION_LIMIT
    """Recorded actions are clipped to +- this before their likelihood: of an action of 1 there is none."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """Optimiser of `imitate`, initialisation by cloning alone; the policy's own starts fresh after it."""

    def __post_init__(self) -> None:
        if self.weight_start < 0 or self.weight_end < 0 or self.anneal_updates < 1 or self.q_floor <= 0:
            raise ConfigError(
                "cloning",
                f"weight_start {self.weight_start:g}, weight_end {self.weight_end:g}, "
                f"anneal_updates {self.anneal_updates}, q_floor {self.q_floor:g}",
                "keep the weights at least 0, anneal_updates at least 1 and q_floor above 0",
            )
        if self.intervention_weight < 0 or not 0 < self.action_limit < 1:
            raise ConfigError(
                "cloning",
                f"intervention_weight {self.intervention_weight:g}, action_limit {self.action_limit:g}",
                "keep intervention_weight at least 0 and action_limit between 0 and 1",
            )
        if not 0 <= self.nll_share <= 1:
            raise ConfigError("cloning", f"nll_share is {self.nll_share:g}", "choose a share in [0, 1]")

    @property
    def active(self) -> bool:
        """Whether the policy's loss has a cloning term."""
        return self.weight_start > 0 or self.weight_end > 0


@dataclass(frozen=True, kw_only=True)
class SACConfig:
    """Soft actor-critic with ensembles, high UTD and demonstrations."""

    imitation_only: bool = False
    """Clone, and update nothing but the policy: behaviour cloning and, as people take over, HG-DAgger."""
    discount: float = 0.97
    """Gamma for one step; whoever builds batches puts gamma^k into them."""
    n_step: int = 1
    """Longest return, in steps, that batches hold."""
    backup_entropy: bool = False
    """Whether the critics' target counts the next action's entropy, as soft Q-values do."""
    policy_rows: Literal["last", "all"] = "last"
    """Rows of a call that the policy and alpha are updated on: the last minibatch, or all (SERL)."""
    policy_after_updates: int = 0
    """Critic updates before policy and alpha begin to move, lest untaught critics mislead a cloned policy; an
    encoder that it shares with them moves with theirs."""
    slice_rows: int = 65_536
    """Most rows whose next actions are computed at once; a larger call runs in slices, same result."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The policy's network."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The critics and their targets."""
    temperature: TemperatureConfig = field(default_factory=TemperatureConfig)
    """The weight of entropy."""
    cloning: CloningConfig = field(default_factory=CloningConfig)
    """Demonstrations in the policy's loss."""
    constraint: ConstraintConfig = field(default_factory=ConstraintConfig)
    """Interventions as a constraint on the policy."""
    gripper: GripperCriticConfig = field(default_factory=GripperCriticConfig)
    """Critics that decide for a gripper; none by default."""
    vice: ViceConfig = field(default_factory=ViceConfig)
    """Rewards from goal images."""
    vision: VisionConfig = field(default_factory=VisionConfig)
    """How images are seen, where there are cameras."""
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    """How frames are shifted, where there are cameras."""
    policy_optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """The policy's optimiser; steps are counted in update calls."""
    critic_optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """The critics' optimiser; steps are counted in critic updates."""

    def __post_init__(self) -> None:
        if not 0 <= self.discount <= 1:
            raise ConfigError("agent", f"discount is {self.discount:g}", "choose a value in [0, 1]")
        if self.n_step < 1 or self.slice_rows < 1 or self.policy_after_updates < 0:
            raise ConfigError(
                "agent",
                f"n_step is {self.n_step}, slice_rows {self.slice_rows}, "
                f"policy_after_updates {self.policy_after_updates}",
                "keep n_step and slice_rows at least 1, policy_after_updates at least 0",
            )
        if self.vice.enabled and self.n_step != 1:
            raise ConfigError(
                "vice",
                f"n_step is {self.n_step}, and only the frame at a row's end is looked at",
                "set n_step to 1",
            )
        if self.policy_rows not in ("last", "all"):
            raise ConfigError("agent", f"policy_rows is {self.policy_rows!r}", "choose last or all")
