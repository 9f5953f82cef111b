"""Parameters of published networks under the names and in the layouts that our trunks use."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shared.policy.parameters import FlatParameters
from shared.policy.trunks.efficientnet_lite0 import STAGES
from shared.policy.trunks.foreign_pickle import Arrays
from shared.policy.trunks.resnet10 import STAGES as RESNET_STAGES

EPSILON = 1e-3

Kernel = NDArray[np.generic]


def efficientnet_from_torch(tensors: Arrays, stages: int) -> FlatParameters:
    """The first stages of a torch EfficientNet-Lite0, batch normalisation folded in (computed in float64).

    Raises:
        KeyError: a tensor is missing.
    """
    params = _folded(tensors, "stem", "_conv_stem", "_bn0", _convolution)
    number = 0
    for stage in STAGES[:stages]:
        for _ in range(stage.blocks):
            ours, theirs = f"block_{number}", f"_blocks.{number}."
            if stage.expansion > 1:
                params |= _folded(
                    tensors, f"{ours}/expand", f"{theirs}_expand_conv", f"{theirs}_bn0", _pointwise
                )
            params |= _folded(
                tensors, f"{ours}/depthwise", f"{theirs}_depthwise_conv", f"{theirs}_bn1", _depthwise
            )
            params |= _folded(
                tensors, f"{ours}/project", f"{theirs}_project_conv", f"{theirs}_bn2", _pointwise
            )
            number += 1
    return params


def resnet10_from_torch(tensors: Arrays) -> FlatParameters:
    """The names of LeRobot's port (`helper2424/resnet10`) changed back into those of SERL, its origin.

    Raises:
        KeyError: a tensor is missing.
    """
    params = {"conv_init/kernel": _convolution(tensors["embedder.0.weight"])}
    params |= _scaled(tensors, "norm_init", "embedder.1")
    for stage in range(RESNET_STAGES):
        ours, theirs = f"ResNetBlock_{stage}", f"encoder.stages.{stage}"
        convolutions = {"Conv_0": "conv1", "Conv_1": "conv2", "conv_proj": "shortcut.0"}
        norms = {"MyGroupNorm_0": "norm1", "MyGroupNorm_1": "norm2", "norm_proj": "shortcut.1"}
        if f"{theirs}.shortcut.0.conv.weight" not in tensors:
            del convolutions["conv_proj"], norms["norm_proj"]
        for new, old in convolutions.items():
            params[f"{ours}/{new}/kernel"] = _convolution(tensors[f"{theirs}.{old}.conv.weight"])
        for new, old in norms.items():
            params |= _scaled(tensors, f"{ours}/{new}", f"{theirs}.{old}")
    return params


def _scaled(tensors: Arrays, ours: str, theirs: str) -> FlatParameters:
    group = f"{theirs}.group_norm"
    return {f"{ours}/scale": tensors[f"{group}.weight"], f"{ours}/bias": tensors[f"{group}.bias"]}


def _folded(
    tensors: Arrays,
    ours: str,
    convolution: str,
    norm: str,
    layout: Callable[[Kernel], Kernel],
) -> FlatParameters:
    """A convolution and the batch normalisation behind it as one kernel, output channels last, and a bias."""
    mean, variance, gain, bias = (
        tensors[f"{norm}.{name}"].astype(np.float64)
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    factor = gain / np.sqrt(variance + EPSILON)
    kernel = layout(tensors[f"{convolution}.weight"]).astype(np.float64) * factor
    return {
        f"{ours}/kernel": kernel.astype(np.float32),
        f"{ours}/bias": (bias - mean * factor).astype(np.float32),
    }


def _convolution(kernel: Kernel) -> Kernel:
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))


def _pointwise(kernel: Kernel) -> Kernel:
    return kernel[:, :, 0, 0].T


def _depthwise(kernel: Kernel) -> Kernel:
    return kernel[:, 0].transpose(1, 2, 0)
