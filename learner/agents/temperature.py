"""The temperature alpha: a Lagrange multiplier that holds the policy's entropy at its target."""

import jax
import optax

from learner.agents.networks import SACNetworks
from learner.agents.state import SACState


def alpha_of(multiplier: jax.Array) -> jax.Array:
    """Alpha, kept positive by softplus."""
    return jax.nn.softplus(multiplier)


def temperature_loss(multiplier: jax.Array, entropy: jax.Array, target_entropy: float) -> jax.Array:
    """alpha * (entropy - target): descending raises alpha while entropy is below its target."""
    return alpha_of(multiplier) * (entropy - target_entropy)


def update_temperature(networks: SACNetworks, state: SACState, entropy: jax.Array) -> SACState:
    """One step of the multiplier; none where the temperature is not learned."""
    config = networks.config.temperature
    if not config.learned:
        return state
    target = config.target_entropy_per_element * networks.policy.spec.motion_size
    gradient = jax.grad(temperature_loss)(state.multiplier, entropy, target)
    step, optimiser = networks.temperature_optimiser.update(gradient, state.temperature_optimiser)
    multiplier = optax.apply_updates(state.multiplier, step)
    return state._replace(multiplier=multiplier, temperature_optimiser=optimiser)
