"""Errors that a person can act on: each names the stage, the cause and the next thing to do.

HandsOnError
├── ConfigError            a setting is unknown, missing or out of range
├── InterfaceMismatch      two parties describe different worlds
├── ObservationError       an environment produced what its interface does not allow (NaN, shape, dtype)
│   └── RobotFault         arm, gripper or camera failed: the episode is aborted, the process goes on
│       └── PersonNeeded   and nobody may try again before a person has looked
├── ProtocolError          a message is malformed, oversized, unknown or of another protocol version
├── LinkError              a peer cannot be reached, or an address cannot be bound
│   ├── Refused            the learner refused this actor, and says why
│   └── DriverLost         the robot server cannot reach its arm or gripper
├── EpisodeFileError       an episode file is foreign, unreadable or of another format
├── SpoolFull              the actor can keep no further step: ring or disk is full
├── CheckpointError        a checkpoint or snapshot is of another format, interface or is damaged
├── MemoryBudgetError      what was configured cannot fit in memory
├── DeviceError            the accelerator asked for is not the one in use
└── NonFiniteError         a value that must be finite is not
"""


class HandsOnError(Exception):
    """`stage` says where, `cause` says what, `cure` says what to do next."""

    def __init__(self, stage: str, cause: str, cure: str) -> None:
        super().__init__(stage, cause, cure)
        self.stage = stage
        self.cause = cause
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.stage}: {self.cause}\n  -> {self.cure}"


class ConfigError(HandsOnError):
    """A setting is unknown, missing or out of range."""


class InterfaceMismatch(HandsOnError):
    """Two parties describe different worlds."""


class ObservationError(HandsOnError):
    """An environment produced what its interface does not allow."""


class RobotFault(ObservationError):
    """An arm, a gripper or a camera failed while it was used: the episode is aborted, the process goes on."""


class PersonNeeded(RobotFault):
    """An arm stopped for a reason that a person has to look at before anything is tried again."""


class ProtocolError(HandsOnError):
    """A message is malformed, oversized, unknown or of another protocol version."""


class LinkError(HandsOnError):
    """A peer cannot be reached, or an address cannot be bound."""


class Refused(LinkError):
    """The learner refused this actor, and says why."""


class DriverLost(LinkError):
    """The robot server cannot reach its arm or gripper."""


class EpisodeFileError(HandsOnError):
    """An episode file is foreign, unreadable or of another format."""


class SpoolFull(HandsOnError):
    """The actor can keep no further step: its ring or its disk is full."""


class CheckpointError(HandsOnError):
    """A checkpoint or snapshot is of another format or interface, or is damaged."""


class MemoryBudgetError(HandsOnError):
    """What was configured cannot fit in memory."""


class DeviceError(HandsOnError):
    """The accelerator asked for is not the one in use."""


class NonFiniteError(HandsOnError):
    """A value that must be finite is not."""
