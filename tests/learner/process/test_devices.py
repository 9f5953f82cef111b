import os
import subprocess
import sys
from pathlib import Path

import pytest

from learner.devices import DeviceConfig, cache_directory, describe_device, prepare_device
from shared.errors import ConfigError, DeviceError

NO_GPU = not Path("/dev/nvidia0").exists()


@pytest.mark.skipif(not NO_GPU, reason="this computer has a GPU")
def test_a_gpu_that_is_not_in_use_is_an_error_with_the_command_that_mends_it():
    with pytest.raises(DeviceError, match="JAX uses cpu") as caught:
        prepare_device(DeviceConfig(device="gpu", compile_cache=False))
    assert "CUDA=1" in caught.value.cure


def test_the_cpu_threads_and_the_compile_cache_are_what_was_asked_for(tmp_path):
    code = (
        "import jax, os; from learner.devices import *;"
        "print(prepare_device(DeviceConfig(device='cpu', threads=1)));"
        "print(jax.config.jax_compilation_cache_dir)"
    )
    environment = os.environ | {"HANDSON_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["cpu, 1 threads", str(tmp_path / "cache" / "jax")]


def test_the_cache_lies_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("HANDSON_CACHE", "/a")
    assert cache_directory() == Path("/a")
    monkeypatch.delenv("HANDSON_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_directory() == Path("/b/handson")


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="device"):
        DeviceConfig(device="tpu")
    with pytest.raises(ConfigError, match="threads"):
        DeviceConfig(threads=-1)


def test_the_device_in_use_has_a_name():
    assert describe_device().startswith("cpu, ")
