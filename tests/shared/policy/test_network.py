"""Observation vectors, both kinds of standard deviation, and their bounds."""

import jax
import numpy as np
import pytest

from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.network import GaussianPolicy, observation_vector
from shared.policy.spec import PolicyConfig, PolicySpec


def test_entries_are_normalised_and_joined_in_declared_order(
    interface: InterfaceSpec, observation: dict[str, np.ndarray]
) -> None:
    shuffled = dict(reversed(observation.items()))
    vector = observation_vector(interface, shuffled)
    np.testing.assert_allclose(vector, np.arcsinh([0.2, -0.2, 0.25, 0.2]), atol=1e-6)


def test_leading_axes_are_kept(interface: InterfaceSpec, observation: dict[str, np.ndarray]) -> None:
    rows = {name: np.broadcast_to(array, (5, 2, *array.shape)) for name, array in observation.items()}
    assert observation_vector(interface, rows).shape == (5, 2, 4)


@pytest.mark.parametrize("std", ["state_dependent", "uniform"])
def test_an_untrained_policy_has_about_the_initial_std(
    interface: InterfaceSpec, observation: dict[str, np.ndarray], std: str
) -> None:
    spec = PolicySpec(interface=interface, hidden=(16,), std=std, initial_std=0.1)
    network = GaussianPolicy(spec)
    distribution = network.distribution(network.init(jax.random.key(0), observation)["params"], observation)
    assert distribution.std.shape == distribution.mean.shape == (2,)
    if std == "uniform":
        np.testing.assert_allclose(distribution.std, 0.1, rtol=1e-5)
    else:
        assert 0.005 < float(distribution.std.min()) < float(distribution.std.max()) < 2.0


def test_std_keeps_to_its_bounds(interface: InterfaceSpec, observation: dict[str, np.ndarray]) -> None:
    spec = PolicySpec(interface=interface, hidden=(4,), std="uniform", std_min=0.05, std_max=2.0)
    network = GaussianPolicy(spec)
    params = network.init(jax.random.key(0), observation)["params"]
    for log_std, bound in ((-50.0, 0.05), (50.0, 2.0)):
        pushed = {**params, "log_std": np.full(2, log_std, np.float32)}
        np.testing.assert_allclose(network.distribution(pushed, observation).std, bound, rtol=1e-5)


def test_equal_specs_have_equal_fingerprints_however_numbers_are_written(interface: InterfaceSpec) -> None:
    assert (
        PolicySpec(interface=interface, std_max=5).fingerprint
        == PolicySpec(interface=interface, std_max=5.0).fingerprint
    )
    assert (
        PolicySpec(interface=interface, std_max=4).fingerprint
        != PolicySpec(interface=interface, std_max=5).fingerprint
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": ()},
        {"hidden": (0,)},
        {"activation": "sigmoid"},
        {"std": "fixed"},
        {"std_min": 0.0},
        {"initial_std": 9.0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="policy"):
        PolicyConfig(**wrong)


def test_images_are_refused_with_their_names(interface: InterfaceSpec) -> None:
    camera = ObservationEntry(name="wrist", shape=(8, 8, 3), dtype="uint8")
    action = ActionEntry(name="a", low=(-1.0,), high=(1.0,), unit="m")
    seeing = InterfaceSpec(name="eyes", observations=(camera,), actions=(action,), control_hz=10.0)
    with pytest.raises(ConfigError, match="wrist"):
        PolicySpec(interface=seeing)
