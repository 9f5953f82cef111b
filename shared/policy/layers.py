"""Hidden layers as settings describe them."""

from typing import Literal

from shared.errors import ConfigError

Activation = Literal["tanh", "relu", "elu", "gelu", "silu"]
ACTIVATIONS: tuple[Activation, ...] = ("tanh", "relu", "elu", "gelu", "silu")


def check_layers(stage: str, hidden: tuple[int, ...], activation: str) -> None:
    """Refuse widths below one and unknown nonlinearities."""
    if not hidden or any(width < 1 for width in hidden):
        raise ConfigError(stage, f"hidden is {hidden}", "give at least one width, each at least 1")
    if activation not in ACTIVATIONS:
        raise ConfigError(stage, f"activation is {activation!r}", f"choose one of {', '.join(ACTIVATIONS)}")
