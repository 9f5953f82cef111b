"""Schedules, clipping and decay as the settings say."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from learner.optimisers import OptimiserConfig


def steps(config: OptimiserConfig, gradient: float, count: int, value: float = 1.0) -> np.ndarray:
    """Step taken at each update under a constant gradient; Adam makes it the step size times its sign."""
    optimiser, params = config.build(), {"w": jnp.float32(value)}
    state, taken = optimiser.init(params), []
    for _ in range(count):
        step, state = optimiser.update({"w": jnp.float32(gradient)}, state, params)
        taken.append(float(step["w"]))
        params = optax.apply_updates(params, step)
    return np.array(taken)


def test_plain_adam_steps_by_the_learning_rate() -> None:
    np.testing.assert_allclose(steps(OptimiserConfig(learning_rate=0.01), 5.0, 4), -0.01, rtol=1e-4)


def test_warm_up_is_linear_and_cosine_decay_ends_at_zero() -> None:
    config = OptimiserConfig(learning_rate=0.01, warmup_updates=4, decay_updates=12)
    taken = -steps(config, 1.0, 14)
    np.testing.assert_allclose(taken[:5], [0.0, 0.0025, 0.005, 0.0075, 0.01], atol=1e-6)
    assert taken[8] == pytest.approx(0.005, abs=1e-6)
    np.testing.assert_allclose(taken[12:], 0.0, atol=1e-7)
    assert (np.diff(taken[4:]) <= 1e-9).all()


def test_clipping_bounds_the_gradient_that_adam_sees() -> None:
    """A gradient of norm 5 over two leaves, as Adam's first moment (a tenth of it) shows."""
    gradient = {"a": jnp.float32(3.0), "b": jnp.float32(4.0)}
    for clip_norm, scale in ((None, 1.0), (10.0, 1.0), (1.0, 0.2)):
        optimiser = OptimiserConfig(clip_norm=clip_norm).build()
        _, state = optimiser.update(gradient, optimiser.init(gradient), gradient)
        first_moment = optax.tree.get(state, "mu")
        assert float(first_moment["a"]) == pytest.approx(0.1 * 3.0 * scale, rel=1e-5)
        assert float(first_moment["b"]) == pytest.approx(0.1 * 4.0 * scale, rel=1e-5)


def test_weight_decay_pulls_towards_zero_without_a_gradient() -> None:
    config = OptimiserConfig(learning_rate=0.1, weight_decay=0.5)
    np.testing.assert_allclose(steps(config, 0.0, 1, value=2.0), -0.1, rtol=1e-5)
    np.testing.assert_allclose(steps(OptimiserConfig(learning_rate=0.1), 0.0, 1, value=2.0), 0.0)
