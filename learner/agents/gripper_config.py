"""GripperCriticConfig: whether a gripper is decided by critics of its own, and how those learn."""

from dataclasses import dataclass, field

from learner.optimisers import OptimiserConfig
from learner.replay.gripper_rewards import GripperRewards
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.gripper_spec import STAGE, Exploring, GripperSpec, Reduce, gripper_entries
from shared.policy.layers import Activation


@dataclass(frozen=True, kw_only=True)
class GripperExplorationConfig:
    """How practice departs from the best choice; a snapshot carries the level that its update had reached."""

    kind: Exploring = "epsilon"
    """epsilon: a share of choices is drawn uniformly; boltzmann: likelier the nearer in value to the best."""
    start: float = 0.05
    """Level at the start: that share, or the difference in value that makes a choice e times as likely."""
    end: float = 0.01
    """Level after the annealing."""
    anneal_updates: int = 20_000
    """Critic updates over which the level goes linearly from start to end."""

    def __post_init__(self) -> None:
        if self.anneal_updates < 1 or not 0 <= self.end <= self.start:
            raise ConfigError(
                STAGE,
                f"exploration goes from {self.start:g} to {self.end:g} in {self.anneal_updates} updates",
                "keep 0 <= end <= start and anneal_updates at least 1",
            )
        if self.kind == "epsilon" and self.start > 1:
            raise ConfigError(STAGE, f"exploration.start is {self.start:g}", "epsilon is a share: at most 1")


@dataclass(frozen=True, kw_only=True)
class GripperCriticConfig:
    """Discrete critics that close, keep or open the grippers, beside a policy that moves the arm."""

    enabled: bool = False
    """Whether there are any; else the Gaussian policy chooses the gripper's element like any other."""
    elements: tuple[int, ...] = ()
    """Places of the grippers in the action, from 0; none takes the action entries named gripper."""
    threshold: float = 0.2
    """Recorded actions of at least this open, of at most minus this close, and keep what is told between."""
    penalty: float = 0.02
    """Taken from the gripper's reward for each gripper whose state a step has changed."""
    members: int = 2
    """Independent critics."""
    reduce: Reduce = "mean"
    """What a choice is worth, in acting and in targets: the members' mean, or their minimum."""
    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer."""
    activation: Activation = "relu"
    """Nonlinearity after each hidden layer."""
    layer_norm: bool = True
    """Whether a LayerNorm stands between each hidden layer and its nonlinearity."""
    tau: float = 0.005
    """Share by which the target networks move towards the critics after each update."""
    cloning: float = 1.0
    """Weight in practice of cloning demonstrated choices, in units of the policy's own cloning weight."""
    cloning_margin: float = 0.1
    """Difference in value at which cloning holds a demonstrated choice to be e times as likely as another."""
    exploration: GripperExplorationConfig = field(default_factory=GripperExplorationConfig)
    """How practice departs from the best choice."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """The critics' optimiser; steps are counted in critic updates."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or not 0 < self.tau <= 1:
            raise ConfigError(
                STAGE, f"threshold is {self.threshold:g}, tau {self.tau:g}", "choose both in (0, 1]"
            )
        if self.penalty < 0 or self.cloning < 0 or self.cloning_margin <= 0:
            raise ConfigError(
                STAGE,
                f"penalty is {self.penalty:g}, cloning {self.cloning:g}, margin {self.cloning_margin:g}",
                "keep penalty and cloning at least 0 and cloning_margin above 0",
            )
        self._spec(self.elements or (0,))

    def spec(self, interface: InterfaceSpec) -> GripperSpec | None:
        """What decides for the grippers of this world; None where that is not enabled.

        Raises:
            ConfigError: the action has no entry that is named gripper, or not the elements that are given.
        """
        if not self.enabled:
            return None
        elements = self.elements or tuple(gripper_entries(interface).values())
        if not elements:
            names = ", ".join(entry.name for entry in interface.actions)
            raise ConfigError(
                STAGE,
                f"no action entry of {interface.name} is named gripper, there are {names}",
                "set agent.gripper.elements to the grippers' places in the action, or choose another preset",
            )
        return self._spec(elements)

    def rewards(self, interface: InterfaceSpec) -> GripperRewards | None:
        """How moving a gripper is paid for: by the entries NAME/command that tell what each one was told.

        Where nothing that is observed tells it, only terms that the data itself brings are left.
        """
        if not self.enabled:
            return None
        observed = {entry.name for entry in interface.observations}
        states = tuple(n for name in gripper_entries(interface) if (n := f"{name}/command") in observed)
        return GripperRewards(states=states, penalty=self.penalty)

    def _spec(self, elements: tuple[int, ...]) -> GripperSpec:
        return GripperSpec(
            elements=elements,
            members=self.members,
            reduce=self.reduce,
            hidden=self.hidden,
            activation=self.activation,
            layer_norm=self.layer_norm,
            exploring=self.exploration.kind,
        )
