"""The tree that is broadcast acts in SERL's network, written down again here, as our policy acts in ours."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from learner.agents.presets import PRESETS
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.encoder import ImageEncoder
from shared.policy.gripper_spec import GripperSpec
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten, unflatten
from shared.policy.serl_tree import EYES, differences, policy_of, serl_tree
from shared.policy.spec import PolicySpec
from shared.policy.trunks.resnet10 import ResNet10
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import VisionConfig

STATE = ObservationEntry(name="state", shape=(7,), dtype="float32")
INTERFACE = InterfaceSpec(
    name="agentlace",
    observations=(STATE,),
    actions=(ActionEntry(name="action", low=(-1.0,) * 3, high=(1.0,) * 3, unit="1"),),
    control_hz=10.0,
)
WIDTHS = (16, 8)
SERL = dataclasses.replace(PRESETS["serl"].policy, inputs="plain", hidden=WIDTHS)


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x):
        for width in WIDTHS:
            x = nn.tanh(nn.LayerNorm()(nn.Dense(width)(x)))
        return x


class Policy(nn.Module):
    """serl_launcher/networks/actor_critic_nets.py, as make_sac_agent sets it up."""

    network: nn.Module

    @nn.compact
    def __call__(self, observations):
        outputs = self.network(observations)
        means = nn.Dense(3)(outputs)
        stds = jnp.clip(jnp.exp(nn.Dense(3)(outputs)), 1e-5, 5.0)
        return means, stds


class Eye(nn.Module):
    """serl_launcher/vision/resnet_v1.py: PreTrainedResNetEncoder, as make_drq_agent sets it up."""

    pretrained_encoder: nn.Module

    @nn.compact
    def __call__(self, image):
        x = self.pretrained_encoder(image)
        kernel = SpatialLearnedEmbeddings(x.shape[1:], name="SpatialLearnedEmbeddings_0")()
        x = jnp.sum(x[..., None] * kernel[None], axis=(1, 2)).reshape(len(x), -1)
        return nn.tanh(nn.LayerNorm()(nn.Dense(256)(x)))


class SpatialLearnedEmbeddings(nn.Module):
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self):
        return self.param("kernel", nn.initializers.lecun_normal(), (*self.shape, 8))


class EncodingWrapper(nn.Module):
    """serl_launcher/common/encoding.py."""

    encoder: dict[str, nn.Module]

    @nn.compact
    def __call__(self, observations):
        seen = [self.encoder[key](observations[key]) for key in sorted(self.encoder)]
        state = nn.tanh(nn.LayerNorm()(nn.Dense(64)(observations["state"])))
        return jnp.concatenate([*seen, state], axis=-1)


class SeeingPolicy(nn.Module):
    encoder: nn.Module
    network: nn.Module

    @nn.compact
    def __call__(self, observations):
        outputs = self.network(self.encoder(observations))
        return nn.Dense(3)(outputs), jnp.clip(jnp.exp(nn.Dense(3)(outputs)), 1e-5, 5.0)


IMAGES = tuple(ObservationEntry(name=n, shape=(64, 64, 3), dtype="uint8") for n in ("wrist_1", "wrist_2"))
SEEING = dataclasses.replace(INTERFACE, observations=(STATE, *IMAGES))


def test_the_same_action_comes_out_of_pictures_and_everything_comes_back():
    trunk = load_trunk(EYES, "random")
    spec = PolicySpec.of(SERL, SEEING, EYES, trunk.digest)
    ours, eyes = GaussianPolicy(spec), ImageEncoder(EYES, SEEING)
    rng = np.random.default_rng(0)
    frames = {e.name: rng.integers(0, 256, (2, 64, 64, 3), np.uint8) for e in IMAGES}
    observation = {"state": rng.standard_normal((2, 7)).astype(np.float32)} | frames
    encoder = eyes.init(jax.random.key(1))
    maps = eyes.maps({}, frames, unflatten(dict(trunk.params)))
    vector = eyes.vector(encoder, {name: each[:, None] for name, each in maps.items()})
    params = {**ours.init(jax.random.key(0), observation, vector)["params"], "encoder": encoder}
    mine = ours.distribution(params, observation, vector)
    flat = flatten(params)

    tree = serl_tree(flat, spec, trunk)
    shared = ResNet10(name="pretrained_encoder")
    encoders = {e.name: Eye(shared, name=f"encoder_{e.name}") for e in IMAGES}
    theirs = SeeingPolicy(EncodingWrapper(encoders), MLP())
    seen = theirs.apply({"params": tree["modules_actor"]}, observation)
    np.testing.assert_allclose(mine.mean, seen[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mine.std, seen[1], rtol=1e-4, atol=1e-5)
    assert differences(spec) == []

    back = policy_of(jax.tree.map(np.asarray, tree) | {"modules_critic": {}}, SEEING)
    assert back.spec == dataclasses.replace(spec, initial_std=back.spec.initial_std)
    assert back.trunk.digest == trunk.digest
    assert back.params.keys() == flat.keys()
    assert all(np.array_equal(back.params[name], flat[name]) for name in flat)


def test_a_state_policy_comes_back():
    spec = PolicySpec.of(SERL, INTERFACE)
    flat = flatten(GaussianPolicy(spec).init(jax.random.key(0), {"state": jnp.zeros((1, 7))})["params"])
    back = policy_of(serl_tree(flat, spec), INTERFACE)
    assert back.trunk is None
    assert back.spec.hidden == WIDTHS
    assert all(np.array_equal(back.params[name], flat[name]) for name in flat)


def nested(depth):
    tree = np.zeros(1)
    for _ in range(depth):
        tree = {"a": tree}
    return tree


@functools.cache
def state_policy():
    spec = PolicySpec.of(SERL, INTERFACE)
    flat = flatten(GaussianPolicy(spec).init(jax.random.key(0), {"state": jnp.zeros((1, 7))})["params"])
    return jax.tree.map(np.asarray, serl_tree(flat, spec))


def spoiled(change):
    tree = jax.tree.map(np.array, state_policy())
    return change(tree) or tree


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda tree: {"params": tree}, "holds no modules_actor"),
        (lambda tree: "text", "holds no modules_actor"),
        (lambda tree: tree["modules_actor"]["network"].clear(), "no hidden layers"),
        (
            lambda tree: tree["modules_actor"].update(Dense_2={"kernel": np.zeros(1)}),
            "Dense_2/kernel is more",
        ),
        (lambda tree: tree["modules_actor"]["Dense_0"].pop("bias"), "Dense_0/bias is missing"),
        (
            lambda tree: tree["modules_actor"]["Dense_0"].update(bias=np.zeros(4)),
            r"Dense_0/bias is \[4\] instead of \[3\]",
        ),
        (
            lambda tree: tree["modules_actor"].update(encoder={"Dense_0": {"kernel": np.zeros(1)}}),
            "it sees pictures",
        ),
        (lambda tree: tree["modules_actor"].update(Dense_2="text"), "no array of numbers"),
        (
            lambda tree: tree["modules_actor"]["network"]["Dense_0"].update(kernel=np.zeros(())),
            r"network/Dense_0/kernel is \[\], no layer",
        ),
        (
            lambda tree: tree["modules_actor"]["network"]["Dense_1"].update(kernel=np.zeros((0, 10**12))),
            r"network/Dense_1/kernel is \[0, 1000000000000\], no layer",
        ),
        (
            lambda tree: tree["modules_actor"]["network"].update(
                {f"Dense_{n}": {"kernel": np.zeros((8, 8))} for n in range(2, 40)}
            ),
            "40 hidden layers",
        ),
        (lambda tree: tree["modules_actor"].update(network=np.zeros(3)), "no hidden layers"),
        (
            lambda tree: tree["modules_actor"]["Dense_0"].update(bias=np.full(3, 1e300)),
            "Dense_0/bias is not finite",
        ),
        (lambda tree: tree["modules_actor"].update(deep=nested(1000)), "nested more than 16 deep"),
    ],
)
def test_what_is_no_policy_for_this_actor_is_refused(change, why):
    def applied(tree):
        changed = change(tree)
        return changed if "modules_actor" in why else None

    with pytest.raises(ConfigError, match=why):
        policy_of(spoiled(applied), INTERFACE)


NAMES = st.sampled_from(
    [
        *("network", "encoder", "encoder_wrist_1", "pretrained_encoder", "SpatialLearnedEmbeddings_0"),
        *("Dense_0", "Dense_1", "LayerNorm_0", "log_stds", "kernel", "bias", "scale", "", "a/b", 1, 0),
    ]
)
ODD = (
    arrays.arrays(
        st.sampled_from(
            [np.float16, np.float32, np.float64, np.longdouble, np.int32, np.bool_, np.complex64]
        ),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
        | st.just((7, 16))
        | st.just((3,)),
    )
    | st.none()
    | st.integers()
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=2)
)
TREES = st.recursive(ODD, lambda inner: st.dictionaries(NAMES, inner, max_size=5), max_leaves=12)


def paths(tree, path=()):
    yield path
    if isinstance(tree, dict):
        for name, child in tree.items():
            yield from paths(child, (*path, name))


@st.composite
def odd_trees(draw):
    """Any tree under SERL's names, or a policy with a few of its parts missing, replaced or added."""
    if draw(st.booleans()):
        return draw(TREES | st.builds(lambda tree: {"modules_actor": tree}, TREES))
    tree = spoiled(lambda _: None)
    for _ in range(draw(st.integers(0, 3))):
        *above, name = draw(
            st.sampled_from([path for path in paths(tree) if path[1:]] or [("modules_actor",)])
        )
        parent = tree
        for each in above:
            parent = parent[each]
        match draw(st.sampled_from(["missing", "replaced", "added"])):
            case "missing":
                parent.pop(name, None)
            case "replaced":
                parent[name] = draw(ODD | TREES)
            case _:
                parent[draw(NAMES)] = draw(ODD | TREES)
    return tree


@settings(max_examples=150, deadline=None)
@given(odd_trees(), st.sampled_from([INTERFACE, SEEING]))
def test_any_tree_is_a_policy_or_refused(tree, interface):
    try:
        back = policy_of(tree, interface)
    except ConfigError:
        return
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in back.params.values())
    seen = {"state": np.ones((1, 7), np.float32)}
    assert GaussianPolicy(back.spec).distribution(unflatten(back.params), seen).mean.shape == (1, 3)


def test_the_same_action_comes_out():
    spec = PolicySpec.of(SERL, INTERFACE)
    ours = GaussianPolicy(spec)
    observation = {"state": jax.random.normal(jax.random.key(1), (5, 7)) * 3.0}
    params = jax.jit(ours.init)(jax.random.key(0), observation)["params"]
    mine = ours.distribution(params, observation)
    tree = serl_tree(flatten(params), spec)
    theirs = Policy(MLP()).apply({"params": tree["modules_actor"]}, observation["state"])
    np.testing.assert_allclose(mine.mean, theirs[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mine.std, theirs[1], rtol=1e-5, atol=1e-6)
    assert differences(spec) == []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (PolicySpec.of(PRESETS["serl"].policy, INTERFACE), "inputs are asinh"),
        (PolicySpec.of(dataclasses.replace(SERL, std="uniform"), INTERFACE), "std is uniform"),
        (PolicySpec.of(SERL, INTERFACE, gripper=GripperSpec(elements=(0,))), "decide for its gripper"),
        (PolicySpec.of(dataclasses.replace(SERL, activation="relu"), INTERFACE), "hidden layers"),
        (
            PolicySpec.of(
                SERL,
                dataclasses.replace(
                    INTERFACE, observations=(STATE, ObservationEntry(name="x", shape=(1,), dtype="float32"))
                ),
            ),
            "2 state entries",
        ),
        (
            PolicySpec.of(
                SERL,
                dataclasses.replace(
                    INTERFACE,
                    observations=(ObservationEntry(name="front", shape=(64, 64, 3), dtype="uint8"), STATE),
                ),
                VisionConfig(),
            ),
            "its trunk is efficientnet_lite0_frozen",
        ),
    ],
)
def test_what_does_not_fit_is_named(spec, why):
    assert why in "; ".join(differences(spec))
