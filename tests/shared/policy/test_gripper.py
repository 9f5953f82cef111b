"""A discrete gripper: its choices within actions, how it explores, and what its snapshots hold."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.acting import make_select_action
from shared.policy.gripper import (
    GripperCritics,
    choice_of,
    choose,
    motion_of,
    probabilities,
    told_by,
    whole_action,
    worth,
)
from shared.policy.gripper_spec import GripperSpec, gripper_entries
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot, decode_snapshot, encode_snapshot
from shared.policy.spec import PolicySpec

ONE, TWO = GripperSpec(elements=(2,), hidden=(8,)), GripperSpec(elements=(1, 4), hidden=(8,))
WORTH = jnp.array([0.1, 0.5, 0.2])


def entry(name: str, size: int) -> ActionEntry:
    return ActionEntry(name=name, low=(-1.0,) * size, high=(1.0,) * size, unit="1")


def world(*actions: ActionEntry) -> InterfaceSpec:
    seen = ObservationEntry(name="position", shape=(2,), dtype="float32")
    return InterfaceSpec(name="hands", observations=(seen,), actions=actions, control_hz=10.0)


ARM = world(entry("translation", 2), entry("gripper", 1))
ARMS = world(
    *(entry("left/motion", 1), entry("left/gripper", 1), entry("right/motion", 2), entry("right/gripper", 1))
)


@pytest.mark.parametrize(("spec", "size"), [(ONE, 3), (TWO, 5)])
def test_choices_and_motion_make_the_action_and_come_from_it(spec: GripperSpec, size: int) -> None:
    choice = jnp.arange(spec.choices)
    motion = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (spec.choices, size - len(spec.elements))))
    action = whole_action(spec, motion, choice)
    assert action.shape == (spec.choices, size)
    np.testing.assert_array_equal(choice_of(spec, action, 0.2), choice)
    np.testing.assert_array_equal(motion_of(spec, action), motion.astype(jnp.float32))


def test_two_grippers_count_the_first_as_the_higher_digit() -> None:
    """As HIL-SERL: 3 * left + right, close 0, stay 1, open 2."""
    told = told_by(TWO, jnp.array([0, 1, 3, 5, 8]))
    np.testing.assert_array_equal(told, [[-1, -1], [-1, 0], [0, -1], [0, 1], [1, 1]])


@given(st.floats(-1, 1, width=32), st.floats(0.01, 1.0))
def test_continuous_commands_become_choices_by_the_threshold(command: float, threshold: float) -> None:
    """Worked out as the robot does: beyond the band it opens or closes, inside it keeps what it was told."""
    action = np.array([0.3, -0.3, command], np.float32)
    threshold = float(np.float32(threshold))
    expected = 1 if abs(action[2]) < threshold else 2 if action[2] > 0 else 0
    assert int(choice_of(ONE, jnp.asarray(action), threshold)) == expected


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_epsilon_shares_are_exact(level: float) -> None:
    shares = probabilities(ONE, WORTH, jnp.float32(level))
    np.testing.assert_allclose(shares, [level / 3, 1 - 2 * level / 3, level / 3], atol=1e-6)


def test_boltzmann_shares_are_exact_and_cold_means_greedy() -> None:
    warm, spec = 0.2, replace(ONE, exploring="boltzmann")
    expected = np.exp(np.asarray(WORTH) / warm)
    np.testing.assert_allclose(probabilities(spec, WORTH, jnp.float32(warm)), expected / expected.sum(), 1e-5)
    np.testing.assert_array_equal(probabilities(spec, WORTH, jnp.float32(0.0)), [0.0, 1.0, 0.0])


@pytest.mark.parametrize("exploring", ["epsilon", "boltzmann"])
def test_choices_are_drawn_at_those_shares_and_follow_their_keys(exploring: str) -> None:
    spec, level, draws = replace(TWO, exploring=exploring), jnp.float32(0.4), 20_000
    values = jnp.asarray(np.random.default_rng(1).uniform(size=9), jnp.float32)
    draw = jax.jit(jax.vmap(lambda key: choose(spec, values, level, key, jnp.bool_(False))))
    keys = jax.random.split(jax.random.key(0), draws)
    chosen = np.asarray(draw(keys))
    np.testing.assert_array_equal(chosen, draw(keys))
    shares = np.asarray(probabilities(spec, values, level))
    error = np.abs(np.bincount(chosen, minlength=9) / draws - shares)
    assert (error < 4.5 * np.sqrt(shares * (1 - shares) / draws)).all()
    assert int(choose(spec, values, level, keys[0], jnp.bool_(True))) == int(np.argmax(values))


def test_members_count_by_their_mean_or_their_minimum() -> None:
    values = jnp.array([[0.0, 3.0, 1.0], [2.0, 0.0, 1.5]])
    np.testing.assert_allclose(worth(ONE, values), [1.0, 1.5, 1.25])
    np.testing.assert_allclose(worth(replace(ONE, reduce="min"), values), [0.0, 0.0, 1.0])


def test_grippers_are_found_by_the_names_of_their_entries() -> None:
    assert gripper_entries(ARM) == {"gripper": 2}
    assert gripper_entries(ARMS) == {"left/gripper": 1, "right/gripper": 4}
    assert gripper_entries(world(entry("motion", 3), entry("gripper_width", 1))) == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"elements": ()}, "each gripper's place once"),
        ({"elements": (4, 1)}, "rising order"),
        ({"elements": (-1,)}, "each gripper's place once"),
        ({"members": 0}, "at least 1"),
        ({"reduce": "max"}, "choose one of mean, min"),
        ({"exploring": "noise"}, "choose one of epsilon, boltzmann"),
        ({"hidden": ()}, "at least one width"),
    ],
)
def test_grippers_that_there_are_not_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s)gripper.*{message}"):
        replace(ONE, **wrong)


@pytest.mark.parametrize("elements", [(3,), (0, 1, 2)])
def test_a_gripper_has_its_place_in_the_action_and_leaves_some_to_motion(elements: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"(?s)an action of hands has 3 elements.*leave at least one"):
        PolicySpec(interface=ARM, gripper=GripperSpec(elements=elements))


def snapshot_of(interface: InterfaceSpec, gripper: GripperSpec, level: float = 0.0) -> PolicySnapshot:
    spec = PolicySpec(interface=interface, hidden=(8,), gripper=gripper)
    zeros = {e.name: np.zeros(e.shape, e.dtype) for e in interface.observations}
    policy = GaussianPolicy(spec).init(jax.random.key(0), zeros)["params"]
    critics = GripperCritics(spec, gripper).init(jax.random.key(1), zeros)["params"]
    decides = {"critics": critics, "exploration": np.float32(level)}
    return PolicySnapshot(
        spec=spec,
        params=flatten(policy | {"gripper": decides}),
        learner_incarnation="life",
        version=1,
        update=4,
        created_at_seconds=1.0,
    )


@pytest.mark.parametrize(("interface", "gripper"), [(ARM, ONE), (ARMS, TWO)])
def test_a_snapshot_that_crossed_the_wire_acts_in_one_trace(
    interface: InterfaceSpec, gripper: GripperSpec
) -> None:
    sent = snapshot_of(interface, gripper, level=0.5)
    header, buffers = encode_snapshot(sent)
    received = decode_snapshot(header, [bytes(buffer) for buffer in buffers])
    assert received.spec == sent.spec
    select, rng = make_select_action(received.spec), np.random.default_rng(0)
    elements, told = list(gripper.elements), set()
    for turn in range(60):
        observation = {"position": rng.uniform(-1, 1, 2).astype(np.float32)}
        worths = select.gripper_worth(received.params, observation)
        assert abs(worths.mean()) < 1e-6, "untaught, a state is worth nothing"
        best = int(np.argmax(worths))
        greedy = select(received.params, observation, jax.random.key(turn), True)
        drawn = select(received.params, observation, np.array([7, turn], np.uint32), False)
        np.testing.assert_array_equal(greedy[elements], told_by(gripper, jnp.int32(best)))
        assert greedy.shape == (interface.action_size,)
        assert greedy.dtype == drawn.dtype == np.float32
        again = select(received.params, observation, np.array([7, turn], np.uint32), False)
        np.testing.assert_array_equal(drawn, again)
        told.add(tuple(drawn[elements]))
    assert select.traces == 2, "one for jax keys, one for the actor's own"
    assert len(told) > gripper.choices // 2, "practice explores"


def test_snapshots_from_before_there_were_discrete_grippers_load_and_keep_their_name(
    snapshot: PolicySnapshot, observation: dict[str, np.ndarray]
) -> None:
    header, buffers = encode_snapshot(snapshot)
    fields = msgspec.msgpack.decode(header)
    for name in ("gripper", "inputs", "vision", "trunk_digest"):
        del fields["spec"][name]
    old = decode_snapshot(msgspec.msgpack.encode(fields), buffers)
    assert old.spec == snapshot.spec
    assert old.spec.fingerprint == snapshot.spec.fingerprint
    action = make_select_action(old.spec)(old.params, observation, jax.random.key(0), True)
    assert action.shape == (2,)


def test_another_gripper_is_another_policy() -> None:
    specs = [
        PolicySpec(interface=ARM, gripper=gripper)
        for gripper in (None, ONE, replace(ONE, members=3), replace(ONE, reduce="min"))
    ]
    assert len({spec.fingerprint for spec in specs}) == 4
    assert [spec.motion_size for spec in specs] == [3, 2, 2, 2]
