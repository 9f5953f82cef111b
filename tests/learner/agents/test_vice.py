"""VICE: what its classifier is taught, and that rewards become what it says."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.augmentation import AugmentationConfig
from learner.agents.config import SACConfig
from learner.agents.networks import SACNetworks
from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.agents.vice import ViceConfig, mix, no_goal, rewarded, slope_penalty, smoothed
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from learner.replay.layout import BatchLayout
from shared.errors import ConfigError
from shared.policy.encoder import ImageEncoder
from shared.policy.parameters import unflatten
from shared.policy.spec import PolicyConfig
from tests.learner.agents.pictures import FRONT, FROZEN, TRAINED, WRIST, random_batch, random_trunk, world

UPDATES, ROWS = 2, 6
MAPS = {FRONT: (16, 8, 8), WRIST: (16, 8, 8)}
LAYOUT = BatchLayout(interface=world(), map_shapes=MAPS)


def settings(**vice: object) -> SACConfig:
    fast = OptimiserConfig(learning_rate=1e-2)
    vice = {"hidden": 32, "optimiser": fast, "gradient_penalty": 1.0} | vice
    return SACConfig(
        policy=PolicyConfig(hidden=(6,)),
        critic=CriticConfig(hidden=(6,)),
        vision=FROZEN,
        vice=ViceConfig(enabled=True, **vice),
    )


def goals(count: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {n: rng.normal(1.0, 0.3, (count, 1, *shape)).astype(np.float16) for n, shape in MAPS.items()}


@pytest.fixture(scope="module")
def agent() -> SAC:
    return SAC(settings(), world(), trunk=random_trunk(), goals=goals())


def batch(seed: int = 0, goal_rows: int = 0) -> TransitionBatch:
    """Maps about -1, but goals come next in the first rows of each minibatch; nobody demonstrated them."""
    made = random_batch(LAYOUT, UPDATES, ROWS, seed)
    images = dict(made.next_observation)
    for name in MAPS:
        images[name] = (0.3 * images[name] - 1).astype(np.float16)
        images[name][:, :goal_rows] = goals(goal_rows)[name][None] if goal_rows else 0
    return made._replace(next_observation=images, imitate=np.zeros_like(made.imitate))


def test_rewards_and_discounts_follow_from_logits_as_in_numpy() -> None:
    logit, discount = np.array([-9.0, -0.1, 0.0, 3.0]), np.array([0.9, 0.0, 0.9, 0.9])
    probability = 1 / (1 + np.exp(-logit))
    passes = (probability >= 0.5).astype(float)
    for config, reward, after in (
        (ViceConfig(), passes, discount * (1 - passes)),
        (ViceConfig(ends=False), passes, discount),
        (ViceConfig(threshold=0.9), (probability >= 0.9).astype(float), discount * (probability < 0.9)),
        (ViceConfig(reward="log_probability"), np.maximum(np.log(probability), -5), discount),
    ):
        ours = rewarded(config, jnp.asarray(logit), jnp.asarray(discount))
        np.testing.assert_allclose(ours, (reward, after), atol=1e-5)


def test_labels_are_smoothed_towards_one_half() -> None:
    np.testing.assert_allclose(smoothed(jnp.array([1.0, 0.0]), 0.2), [0.9, 0.1], atol=1e-6)


def test_all_cameras_of_a_row_are_mixed_with_one_partner_in_one_share_and_so_is_its_label() -> None:
    """Each camera shows its row's number, so partner and share can be read off any of them."""
    rows = np.arange(10.0)
    label = (rows % 2).astype(np.float32)
    seen = {FRONT: jnp.asarray(rows).reshape(10, 1, 1), WRIST: jnp.asarray(100 * rows).reshape(10, 1)}
    mixed, mixed_label = mix(jax.random.key(1), seen, jnp.asarray(label), ViceConfig())
    front, wrist = (np.asarray(mixed[name]).reshape(10) for name in (FRONT, WRIST))
    np.testing.assert_allclose(wrist, 100 * front, rtol=1e-5)
    fits = [
        any(
            np.isclose(share * i + (1 - share) * j, front[i])
            and np.isclose(share * label[i] + (1 - share) * label[j], mixed_label[i])
            for j in range(10)
            for share in ([(front[i] - j) / (i - j)] if i != j else [1.0])
        )
        for i in range(10)
    ]
    assert all(fits)
    assert np.abs(front - rows).max() > 0.5
    same, _ = mix(jax.random.key(1), seen, jnp.asarray(label), ViceConfig(mixup=0.0))
    np.testing.assert_array_equal(same[FRONT], seen[FRONT])


def test_the_slope_s_norm_is_over_all_cameras_together() -> None:
    maps = {"a": jnp.ones((3, 2)), "b": jnp.ones((3, 1, 2))}
    penalty = slope_penalty(lambda m: 3 * m["a"][:, 0] + 4 * m["b"][:, 0, 1], maps)
    assert float(penalty) == pytest.approx((5 - 1) ** 2, rel=1e-4)


def test_it_learns_goals_from_what_the_policy_comes_by_and_pays_for_them(agent: SAC) -> None:
    """At first nothing passes. Later goals do, though the policy comes by them too, and end the world."""
    state = agent.init(jax.random.key(0))
    networks = SACNetworks.of(agent.config, agent.interface)
    seed = state.seed_key, jnp.int32(0)
    first, _ = networks.vice.relabel(state.vice, batch(0, goal_rows=2), None, seed)
    assert not np.asarray(first.reward).any()
    for call in range(220):
        state, metrics = agent.update(state, batch(call, goal_rows=1))
    rows, seed = batch(999, goal_rows=2), (state.seed_key, state.updates)
    paid, watched = networks.vice.relabel(state.vice, rows, None, seed)
    np.testing.assert_array_equal(paid.reward, [[1, 1, 0, 0, 0, 0]] * UPDATES)
    np.testing.assert_array_equal(paid.discount, rows.discount * (1 - np.asarray(paid.reward)))
    assert float(watched["vice_passed"]) == pytest.approx(2 / ROWS)
    assert float(metrics["vice_goals_passed"]) == 1.0
    assert all(np.isfinite(value) for value in metrics.values())


def test_negatives_are_all_but_what_ended_demonstrations_and_what_corrections_led_to() -> None:
    """The policy's own last frame, a demonstration's middle and end, a correction's middle and end."""
    rows = batch()._replace(
        imitate=np.array([[0, 1, 1, 1, 1]], np.float32),
        intervention=np.array([[0, 0, 0, 1, 1]], np.float32),
        discount=np.array([[0, 0.9, 0, 0.9, 0]], np.float32),
    )
    np.testing.assert_array_equal(no_goal(rows), [[1, 1, 0, 0, 0]])


def test_demonstrations_go_on_where_they_ended_unless_the_classifier_sees_a_goal(agent: SAC) -> None:
    """An untrained classifier sees none. What failed in practice has ended all the same."""
    made = batch()
    made.discount[:, :3] = 0
    made.imitate[:, :2] = 1
    made.intervention[:, 1] = 1
    networks = SACNetworks.of(agent.config, agent.interface)
    state = agent.init(jax.random.key(0))
    paid, _ = networks.vice.relabel(state.vice, made, None, (state.seed_key, jnp.int32(0)))
    expected = np.concatenate([[agent.config.discount, 0, 0], made.discount[0, 3:]]).astype(np.float32)
    np.testing.assert_array_equal(paid.discount[0], expected)
    assert not np.asarray(paid.reward).any()


def test_what_is_no_negative_and_recorded_rewards_teach_nothing(agent: SAC) -> None:
    made = batch(0)
    made.intervention[:, :3] = 1
    other = {
        name: np.where(np.arange(ROWS).reshape(1, -1, *[1] * (maps.ndim - 2)) < 3, 2 * maps, maps).astype(
            maps.dtype
        )
        for name, maps in made.next_observation.items()
    }
    fitted = []
    for rows in (made, made._replace(next_observation=other, reward=9 * made.reward)):
        state, _ = agent.update(agent.init(jax.random.key(0)), rows)
        fitted.append(jax.device_get(state.vice))
    jax.tree.map(np.testing.assert_array_equal, *fitted)


def test_frames_are_judged_through_the_trunk_as_their_maps_are() -> None:
    """One camera of two, once as frames that are not shifted and once as the maps that the trunk makes."""
    interface, trunk = world(size=16), unflatten(random_trunk().params)
    config = dataclasses.replace(
        settings(cameras=(WRIST,), reward="log_probability"), augmentation=AugmentationConfig(pad=0)
    )
    vice = SACNetworks.of(config, interface).vice
    state = vice.init(jax.random.key(0))
    assert set(state.classifier["encoder"]["heads"]) == {"wrist.image"}
    logit = np.random.default_rng(0).normal(size=(32, 1)).astype(np.float32)
    state.classifier["logit"]["kernel"] = logit
    frames = random_batch(BatchLayout(interface=interface), 1, 4)
    encoder = ImageEncoder(FROZEN, interface)
    maps = frames._replace(next_observation=encoder.maps({}, frames.next_observation, trunk))
    seed = jax.random.key_data(jax.random.key(0)), jnp.int32(0)
    ours, theirs = (vice.relabel(state, rows, trunk, seed)[0].reward for rows in (frames, maps))
    assert len(np.unique(ours)) == 4
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_one_trace_and_a_resumed_run_equals_one_that_never_stopped(agent: SAC) -> None:
    def run(stop: bool) -> object:
        state = agent.init(jax.random.key(3))
        for call in range(4):
            if stop and call == 2:
                state = flat_to_state(agent.init(jax.random.key(4)), state_to_flat(state))
            state, _ = agent.update(state, batch(call, goal_rows=1))
        return jax.device_get(state)

    jax.tree.map(np.testing.assert_array_equal, run(True), run(False))
    assert agent.traces["update"] == 1


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (lambda: ViceConfig(reward="sparse"), "sparse"),
        (lambda: ViceConfig(threshold=1.0), "threshold"),
        (lambda: ViceConfig(mixup=-1.0), "mixup"),
        (lambda: SACConfig(n_step=3, vice=ViceConfig(enabled=True)), "n_step"),
        (lambda: SAC(settings(), world(), trunk=random_trunk()), "without goals"),
        (lambda: SAC(SACConfig(vision=FROZEN), world(), trunk=random_trunk(), goals=goals()), "off"),
        (lambda: SAC(settings(cameras=("side",)), world(), goals=goals()), "side"),
        (
            lambda: SACNetworks.of(SACConfig(vision=TRAINED, vice=ViceConfig(enabled=True)), world()),
            "frozen",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: object, cause: str) -> None:
    with pytest.raises(ConfigError, match=cause):
        wrong()
