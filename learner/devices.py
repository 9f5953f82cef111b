"""The accelerator: the one asked for or an error, a compile cache that outlives the process, and threads."""

import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax

from learner.memory_allocator import keep_freed_memory
from shared.cache import cache_directory
from shared.errors import ConfigError, DeviceError

log = logging.getLogger(__name__)

STAGE = "device"
PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "auto": None}
NVIDIA_DEVICE = Path("/dev/nvidia0")
INSTALL_CUDA = "install the CUDA wheels with `make install ROLE=learner CUDA=1`, and check `nvidia-smi`"


@dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """Where updates are computed."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    """cpu, gpu (fails where JAX has none), or auto: the gpu where JAX has one, else the cpu."""
    threads: int = 0
    """Threads for CPU computations; 0: one a core. Bit-for-bit resumption needs the same number."""
    compile_cache: bool = True
    """Keep compiled programs in HANDSON_CACHE, by default ~/.cache/handson, so that restarts are quick."""

    def __post_init__(self) -> None:
        if self.device not in PLATFORMS:
            raise ConfigError(STAGE, f"device is {self.device!r}", f"valid: {', '.join(PLATFORMS)}")
        if self.threads < 0:
            raise ConfigError(STAGE, f"threads is {self.threads}", "give a count, or 0 for one a core")


def prepare_device(config: DeviceConfig) -> str:
    """Set JAX up before its first computation, and say in one line what computes.

    Raises:
        DeviceError: the accelerator asked for is not the one in use, or another one is already initialised.
    """
    keep_freed_memory()
    if config.threads:
        os.environ["NPROC"] = str(config.threads)
    if PLATFORMS[config.device] is not None:
        jax.config.update("jax_platforms", PLATFORMS[config.device])
    if config.compile_cache:
        _use_compile_cache(cache_directory() / "jax")
    in_use = _initialise_backend(config.device)
    if config.device != "auto" and in_use != config.device:
        raise DeviceError(STAGE, f"{config.device} was asked for but JAX uses {in_use}", INSTALL_CUDA)
    if in_use == "cpu" and config.device == "auto" and NVIDIA_DEVICE.exists():
        log.warning("this computer has an NVIDIA GPU but JAX uses the CPU: %s", INSTALL_CUDA)
    return describe_device()


def describe_device() -> str:
    """What computes: `cpu, 2 threads` or `gpu: NVIDIA H200`."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return f"cpu, {cpu_threads()} threads"
    return f"{device.platform}: {device.device_kind}"


def cpu_threads() -> int:
    """Threads that XLA computes with on the CPU."""
    asked = os.environ.get("NPROC", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else len(os.sched_getaffinity(0))


def _use_compile_cache(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("compiled programs are not kept: %s", error)
        return
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def _initialise_backend(platform: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return jax.default_backend()
    except RuntimeError as error:
        raise DeviceError(STAGE, f"JAX cannot use the {platform}: {error}", INSTALL_CUDA) from None
