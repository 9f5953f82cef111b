"""ResNet-10 in the layouts in which it is published."""

import json
import struct

import numpy as np
import pytest

from shared.policy.trunks.weights import TrunkWeights, load_trunk
from shared.policy.vision import VisionConfig


@pytest.fixture(scope="session")
def config() -> VisionConfig:
    return VisionConfig(trunk="resnet10_frozen")


@pytest.fixture(scope="session")
def weights(config: VisionConfig) -> TrunkWeights:
    return load_trunk(config, "random")


@pytest.fixture
def serl_tree(weights: TrunkWeights) -> dict:
    """As SERL's file: the modules of flax, nested, and the classifier of the pretraining."""
    tree: dict = {
        "output_head": {"kernel": np.zeros((512, 10), np.float32), "bias": np.zeros(10, np.float32)}
    }
    for name, array in weights.params.items():
        *modules, leaf = name.split("/")
        node = tree
        for module in modules:
            node = node.setdefault(module, {})
        node[leaf] = array
    return tree


@pytest.fixture
def lerobot_tensors(weights: TrunkWeights) -> dict[str, np.ndarray]:
    """As LeRobot's port names and lays them out: torch's order, output channels first."""
    serl = weights.params
    tensors = {
        "embedder.0.weight": serl["conv_init/kernel"].transpose(3, 2, 0, 1),
        "embedder.1.group_norm.weight": serl["norm_init/scale"],
        "embedder.1.group_norm.bias": serl["norm_init/bias"],
    }
    for i in range(4):
        parts = [("conv1", "norm1", "Conv_0", "MyGroupNorm_0"), ("conv2", "norm2", "Conv_1", "MyGroupNorm_1")]
        parts += [("shortcut.0", "shortcut.1", "conv_proj", "norm_proj")] if i else []
        for convolution, norm, conv_name, norm_name in parts:
            ours, theirs = f"ResNetBlock_{i}", f"encoder.stages.{i}"
            kernel = serl[f"{ours}/{conv_name}/kernel"]
            tensors[f"{theirs}.{convolution}.conv.weight"] = kernel.transpose(3, 2, 0, 1)
            tensors[f"{theirs}.{norm}.group_norm.weight"] = serl[f"{ours}/{norm_name}/scale"]
            tensors[f"{theirs}.{norm}.group_norm.bias"] = serl[f"{ours}/{norm_name}/bias"]
    return tensors


@pytest.fixture
def safetensors(lerobot_tensors: dict[str, np.ndarray]) -> bytes:
    return write_safetensors(lerobot_tensors)


def write_safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    header: dict = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in tensors.items():
        data = np.ascontiguousarray(array).tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body
