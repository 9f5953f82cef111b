"""Acting by snapshots: one trace, parameters that arrive, keys that count."""

import dataclasses

import jax
import numpy as np
import pytest

from actor.policy_runner import PolicyChooser, PolicyRunner
from shared.errors import CheckpointError, DeviceError, InterfaceMismatch, NonFiniteError
from shared.step import Source


@pytest.fixture(scope="module")
def interface(counting_env):
    return counting_env().interface


@pytest.fixture
def observation() -> dict[str, np.ndarray]:
    return {"count": np.ones(1, np.float32), "start": np.array([0.5, -0.5], np.float32)}


def test_one_trace_over_snapshots_modes_and_kinds_of_arrays(interface, make_snapshot, observation) -> None:
    runner = PolicyRunner(interface, seed=0)
    for version in range(3):
        runner.load(make_snapshot(version))
        runner.act(observation)
        runner.act(observation, greedy=True)
        runner.act({name: jax.numpy.asarray(array) for name, array in observation.items()})
    assert runner.traces == 1
    assert runner.loads == 3
    assert len(runner.selection_seconds) == 9


def test_it_is_compiled_when_loaded_not_when_first_asked(interface, make_snapshot) -> None:
    runner = PolicyRunner(interface, seed=0)
    assert runner.traces == 0
    assert runner.compiles(make_snapshot())
    runner.load(make_snapshot())
    assert runner.traces == 1
    assert not runner.compiles(make_snapshot(1))
    assert runner.compiles(make_snapshot(1, hidden=(4,)))


def test_parameters_move_once_a_snapshot(
    interface, make_snapshot, observation, monkeypatch, compile_once
) -> None:
    moves = []
    put = jax.device_put
    monkeypatch.setattr(jax, "device_put", lambda *args: moves.append(1) or put(*args))
    runner = PolicyRunner(interface, seed=0)
    snapshot = make_snapshot()
    for _ in range(5):
        runner.load(snapshot)
        runner.act(observation)
    assert len(moves) == 1


def test_greedy_is_the_mode_and_a_sample_is_not(interface, make_snapshot, observation, compile_once) -> None:
    runner = PolicyRunner(interface, seed=0)
    runner.load(make_snapshot())
    greedy = [runner.act(observation, greedy=True) for _ in range(3)]
    sampled = [runner.act(observation) for _ in range(3)]
    np.testing.assert_array_equal(greedy[0], greedy[2])
    assert not np.array_equal(sampled[0], sampled[1])
    for action in (*greedy, *sampled):
        assert action.shape == (2,)
        assert action.dtype == np.float32
        assert np.abs(action).max() <= 1


def test_the_nth_sample_depends_on_seed_and_count_alone(
    interface, make_snapshot, observation, compile_once
) -> None:
    def samples(seed: int) -> np.ndarray:
        runner = PolicyRunner(interface, seed=seed)
        runner.load(make_snapshot())
        runner.act(observation, greedy=True)  # asks for no randomness
        return np.stack([runner.act(observation) for _ in range(4)])

    np.testing.assert_array_equal(samples(1), samples(1))
    assert not np.array_equal(samples(1), samples(2))


def test_samples_follow_the_standard_deviation(interface, make_snapshot, observation) -> None:
    """With a uniform, small std, tanh is nearly linear around a mode near zero: the spread is the std."""
    runner = PolicyRunner(interface, seed=0)
    snapshot = make_snapshot(std="uniform", initial_std=0.05, std_min=0.05, std_max=0.05)
    zeroed = {name: np.zeros_like(array) for name, array in snapshot.params.items()}
    runner.load(dataclasses.replace(snapshot, params=zeroed))
    actions = np.stack([runner.act(observation) for _ in range(800)])
    np.testing.assert_allclose(actions.mean(axis=0), 0.0, atol=0.01)
    np.testing.assert_allclose(actions.std(axis=0), 0.05, rtol=0.1)
    assert abs(np.corrcoef(actions.T)[0, 1]) < 0.12


def test_a_policy_of_another_world_is_refused_with_both_printed(interface, make_snapshot) -> None:
    other = dataclasses.replace(interface, name="elsewhere", control_hz=5.0)
    with pytest.raises(InterfaceMismatch, match=r"(?s)counting at 10 Hz.*elsewhere at 5 Hz"):
        PolicyRunner(interface, seed=0).load(make_snapshot(interface=other))


def test_a_policy_that_answers_nan_is_not_followed(
    interface, make_snapshot, observation, compile_once
) -> None:
    runner = PolicyRunner(interface, seed=0)
    snapshot = make_snapshot(7)
    broken = {name: np.full_like(array, np.nan) for name, array in snapshot.params.items()}
    runner.load(dataclasses.replace(snapshot, params=broken))
    with pytest.raises(NonFiniteError, match="version 7"):
        runner.act(observation)


def test_without_a_policy_it_says_so(interface, observation) -> None:
    with pytest.raises(CheckpointError, match="no policy was loaded"):
        PolicyRunner(interface, seed=0).act(observation)


def test_a_missing_accelerator_is_an_error() -> None:
    from actor.policy_runner import configure_device

    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="--device cpu"):
        configure_device("gpu")


def test_the_chooser_names_the_policy_as_the_source(
    interface, make_snapshot, observation, compile_once
) -> None:
    runner = PolicyRunner(interface, seed=0)
    runner.load(make_snapshot())
    chooser = PolicyChooser(runner, greedy_share=1.0)
    chooser.begin(np.random.default_rng(0))
    choice = chooser.choose(observation)
    assert choice.source is Source.POLICY
    assert choice.policy_action is choice.action
    np.testing.assert_array_equal(choice.action, runner.act(observation, greedy=True))


def test_a_share_of_the_episodes_is_greedy_from_start_to_end(
    interface, make_snapshot, observation, compile_once
) -> None:
    runner = PolicyRunner(interface, seed=0)
    runner.load(make_snapshot())
    mode = runner.act(observation, greedy=True)
    chooser = PolicyChooser(runner, greedy_share=0.3)
    greedy = 0
    for episode in range(300):
        chooser.begin(np.random.default_rng(episode))
        alike = [np.array_equal(chooser.choose(observation).action, mode) for _ in range(3)]
        assert len(set(alike)) == 1
        greedy += alike[0]
    assert 60 <= greedy <= 120  # 90 expected, standard deviation 8
