"""The tanh-Gaussian against numeric integration, the change of variables, and its own limits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shared.policy.distributions import ACTION_LIMIT, TanhNormal

CASES = [(0.0, 0.3), (0.7, 0.5), (-1.5, 0.2), (0.2, 1.5)]


def one(mean: float, std: float) -> TanhNormal:
    return TanhNormal(jnp.array([mean], jnp.float32), jnp.array([std], jnp.float32))


def tanh_grid(count: int = 20_001) -> np.ndarray:
    """Actions in (-1, 1), dense near the ends."""
    return np.tanh(np.linspace(-7.0, 7.0, count))


@pytest.mark.parametrize(("mean", "std"), CASES)
def test_density_integrates_to_one(mean: float, std: float) -> None:
    actions = tanh_grid()
    density = np.exp(np.asarray(one(mean, std).log_prob(jnp.asarray(actions, jnp.float32)[:, None])))
    assert np.trapezoid(density, actions) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize(("mean", "std"), CASES)
def test_density_is_the_change_of_variables(mean: float, std: float) -> None:
    actions = np.linspace(-0.95, 0.95, 39)
    before = np.arctanh(actions)
    normal = -0.5 * ((before - mean) / std) ** 2 - math.log(std) - 0.5 * math.log(2 * math.pi)
    expected = normal - np.log1p(-(actions**2))
    given = one(mean, std).log_prob(jnp.asarray(actions, jnp.float32)[:, None])
    np.testing.assert_allclose(np.asarray(given), expected, atol=2e-4)


def test_drawn_actions_have_the_density_of_given_ones() -> None:
    noise = jax.random.normal(jax.random.key(0), (100, 3))
    distribution = TanhNormal(jnp.array([0.3, -0.4, 0.0]), jnp.array([0.5, 0.2, 0.8]))
    actions, log_prob = distribution.squash(noise)
    np.testing.assert_allclose(log_prob, distribution.log_prob(actions), atol=1e-3)


def test_entropy_of_draws_matches_the_integral() -> None:
    actions = tanh_grid()
    log_density = np.asarray(one(0.5, 0.7).log_prob(jnp.asarray(actions, jnp.float32)[:, None]))
    entropy = -np.trapezoid(np.exp(log_density) * log_density, actions)
    _, drawn = one(0.5, 0.7).squash(jax.random.normal(jax.random.key(1), (50_000, 1)))
    assert -float(jnp.mean(drawn)) == pytest.approx(entropy, abs=0.01)


@pytest.mark.parametrize("action", [-1.0, 1.0, ACTION_LIMIT])
def test_density_and_its_gradient_are_finite_at_the_bounds(action: float) -> None:
    def log_prob(mean: jax.Array, std: jax.Array) -> jax.Array:
        return TanhNormal(mean, std).log_prob(jnp.full((2,), action))

    arguments = (jnp.array([0.0, 3.0]), jnp.array([0.5, 1e-3]))
    assert np.isfinite(log_prob(*arguments))
    for gradient in jax.grad(log_prob, argnums=(0, 1))(*arguments):
        assert np.isfinite(gradient).all()


def test_a_far_draw_stays_finite_and_in_bounds() -> None:
    actions, log_prob = one(40.0, 1.0).squash(jnp.array([5.0]))
    assert np.isfinite(log_prob)
    assert float(jnp.abs(actions[0])) <= 1.0


def test_the_mode_is_the_squashed_mean() -> None:
    assert float(one(0.5, 2.0).mode()[0]) == pytest.approx(math.tanh(0.5), abs=1e-6)


def test_a_sample_is_what_its_noise_selects() -> None:
    key = jax.random.key(3)
    distribution = one(0.1, 0.4)
    expected = np.tanh(0.1 + 0.4 * np.asarray(jax.random.normal(key, (1,))))
    np.testing.assert_allclose(distribution.sample(key), expected, atol=1e-6)
