"""Optimisers: one for each network, stepped only when that network is updated."""

from dataclasses import dataclass

import optax

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam (AdamW with weight decay); its steps are counted in updates of the network it belongs to."""

    learning_rate: float = 3e-4
    """Step size after the warm-up."""
    warmup_updates: int = 0
    """Updates over which the step size rises linearly from 0."""
    decay_updates: int | None = None
    """Updates (the warm-up included) after which a cosine decay has reached 0; none = constant."""
    clip_norm: float | None = None
    """Largest global norm of the gradient; none = unclipped."""
    weight_decay: float = 0.0
    """Decoupled weight decay, as in AdamW."""
    beta1: float = 0.9
    """Decay of the mean of gradients."""
    beta2: float = 0.999
    """Decay of the mean of squared gradients."""
    epsilon: float = 1e-8
    """Added to the root of the mean of squared gradients."""

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.warmup_updates < 0 or self.weight_decay < 0 or self.epsilon <= 0:
            raise ConfigError(
                "optimiser",
                f"learning_rate {self.learning_rate:g}, warmup_updates {self.warmup_updates}, "
                f"weight_decay {self.weight_decay:g}, epsilon {self.epsilon:g}",
                "keep learning_rate and epsilon above 0, warmup_updates and weight_decay at least 0",
            )
        if self.decay_updates is not None and self.decay_updates <= self.warmup_updates:
            raise ConfigError(
                "optimiser",
                f"decay_updates is {self.decay_updates} and warmup_updates {self.warmup_updates}",
                "let the decay end after the warm-up, or leave decay_updates out",
            )
        if self.clip_norm is not None and self.clip_norm <= 0:
            raise ConfigError("optimiser", f"clip_norm is {self.clip_norm:g}", "choose a norm above 0")
        if not 0 <= self.beta1 < 1 or not 0 <= self.beta2 < 1:
            raise ConfigError(
                "optimiser", f"beta1 {self.beta1:g}, beta2 {self.beta2:g}", "choose both in [0, 1)"
            )

    def build(self) -> optax.GradientTransformation:
        """Clip, then Adam, at the scheduled step size."""
        if self.weight_decay:
            adam = optax.adamw(
                self._schedule(), self.beta1, self.beta2, self.epsilon, weight_decay=self.weight_decay
            )
        else:
            adam = optax.adam(self._schedule(), self.beta1, self.beta2, self.epsilon)
        if self.clip_norm is None:
            return adam
        return optax.chain(optax.clip_by_global_norm(self.clip_norm), adam)

    def _schedule(self) -> optax.Schedule:
        warmup = optax.linear_schedule(0.0, self.learning_rate, self.warmup_updates)
        if self.decay_updates is None:
            after = optax.constant_schedule(self.learning_rate)
        else:
            after = optax.cosine_decay_schedule(self.learning_rate, self.decay_updates - self.warmup_updates)
        return optax.join_schedules([warmup, after], [self.warmup_updates]) if self.warmup_updates else after
