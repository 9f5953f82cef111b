"""PolicySpec: everything needed to rebuild a policy's network. It travels inside each snapshot."""

import hashlib
from dataclasses import dataclass, fields
from typing import Literal

import msgspec

from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.gripper_spec import GripperSpec
from shared.policy.layers import Activation, check_layers
from shared.policy.vision import VisionConfig, cameras

STDS = ("state_dependent", "uniform")
Inputs = Literal["asinh", "plain"]
INPUTS: tuple[Inputs, ...] = ("asinh", "plain")


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """The network of a tanh-Gaussian policy."""

    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer."""
    activation: Activation = "tanh"
    """Nonlinearity after each hidden layer."""
    layer_norm: bool = True
    """Whether a LayerNorm stands between each hidden layer and its nonlinearity."""
    inputs: Inputs = "asinh"
    """State entries as asinh((x - offset) / scale), or without the asinh, as SERL's network takes them."""
    std: Literal["state_dependent", "uniform"] = "state_dependent"
    """A second head on the last hidden layer, or one learned vector."""
    std_min: float = 1e-5
    """Smallest standard deviation, before the tanh squashes it."""
    std_max: float = 5.0
    """Largest standard deviation, before the tanh squashes it."""
    initial_std: float = 1.0
    """Standard deviation, about, of an untrained policy."""

    def __post_init__(self) -> None:
        check_layers("policy", self.hidden, self.activation)
        if self.inputs not in INPUTS:
            raise ConfigError("policy", f"inputs is {self.inputs!r}", f"choose one of {', '.join(INPUTS)}")
        if self.std not in STDS:
            raise ConfigError("policy", f"std is {self.std!r}", f"choose one of {', '.join(STDS)}")
        if not 0 < self.std_min <= self.initial_std <= self.std_max:
            raise ConfigError(
                "policy",
                f"std_min {self.std_min:g}, initial_std {self.initial_std:g}, std_max {self.std_max:g}",
                "keep 0 < std_min <= initial_std <= std_max",
            )


@dataclass(frozen=True, kw_only=True)
class PolicySpec(PolicyConfig):
    """A policy network for one interface: rebuilt from this alone."""

    interface: InterfaceSpec
    vision: VisionConfig | None = None
    """The image side; none where the interface declares no images."""
    trunk_digest: str = ""
    """Names the weights of a frozen trunk, which travel apart."""
    gripper: GripperSpec | None = None
    """What decides for grippers; none where the Gaussian does, as for any other element."""

    @classmethod
    def of(
        cls,
        config: PolicyConfig,
        interface: InterfaceSpec,
        vision: VisionConfig | None = None,
        trunk_digest: str = "",
        gripper: GripperSpec | None = None,
    ) -> "PolicySpec":
        """The spec of the network that `config` describes, acting in the world of `interface`.

        Images are seen as `vision` says, by default as VisionConfig does; without any, it does not matter.
        """
        settings = {field.name: getattr(config, field.name) for field in fields(PolicyConfig)}
        if not cameras(interface):
            return cls(interface=interface, gripper=gripper, **settings)
        vision = vision or VisionConfig()
        return cls(interface=interface, vision=vision, trunk_digest=trunk_digest, gripper=gripper, **settings)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (images := cameras(self.interface)) and self.vision is None:
            raise ConfigError(
                "policy",
                f"the interface declares images ({', '.join(images)}); this policy sees only state vectors",
                "give the policy a VisionConfig, or choose an environment without cameras",
            )
        if not self.interface.observations or not self.interface.action_size:
            raise ConfigError(
                "policy", "the interface declares no observation or no action", "declare at least one of each"
            )
        if self.gripper is not None:
            self.gripper.require_fit(self.interface)

    @property
    def action_size(self) -> int:
        """A, the length of an action vector."""
        return self.interface.action_size

    @property
    def motion_size(self) -> int:
        """Elements of an action that are drawn from the Gaussian: all but those of a discrete gripper."""
        return self.action_size - (len(self.gripper.elements) if self.gripper else 0)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change whenever the network or its interface changes."""
        return hashlib.sha256(encode_spec(self)).hexdigest()[:16]


def encode_spec(spec: PolicySpec) -> bytes:
    """Canonical bytes of a spec: equal specs give equal bytes. What there are no images for is left out.

    So is what older specs do not have, while it is as it was for them.
    """
    plain = msgspec.to_builtins(msgspec.convert(msgspec.to_builtins(spec), PolicySpec))
    left_out: tuple[str, ...] = () if spec.vision else ("vision", "trunk_digest")
    left_out += () if spec.inputs != "asinh" else ("inputs",)
    left_out += () if spec.gripper else ("gripper",)
    return msgspec.json.encode({name: value for name, value in plain.items() if name not in left_out})
