"""What computes updates: the driver as the kernel tells it, and what JAX uses, asked in another process."""

import json
import subprocess
import sys

from deploy.check.base import Check, Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench
from deploy.check.host import Host, read_text
from deploy.check.settings_of_learner import learner_settings

# Asked apart from this process: JAX keeps most of a GPU's memory for as long as its process lives.
ASK = (
    "import json, jax; d = jax.devices(); "
    "print(json.dumps([jax.__version__, jax.default_backend(), [x.device_kind for x in d]]))"
)
SECONDS = 60.0
MENDED = "make install ROLE=learner CUDA=1, and see that nvidia-smi lists the GPU"


def checks(bench: Bench) -> list[Check]:
    """The driver, then JAX."""
    return [
        Check(name="gpu driver", run=lambda: driver(bench.host)),
        Check(
            name="accelerator",
            run=lambda: accelerator(bench.host, learner_settings(bench.config).hardware.device),
            deadline_seconds=SECONDS + 10.0,
        ),
    ]


def driver(host: Host) -> Outcome:
    """The NVIDIA driver's version, where there is such a device."""
    version = read_text(host.proc / "driver/nvidia/version")
    if version is None:
        if has_gpu(host):
            return fail("/dev/nvidia0 is there, and no driver answers for it", "reinstall the NVIDIA driver")
        return skip("no NVIDIA device")
    return ok(version.splitlines()[0].removeprefix("NVRM version: "))


def accelerator(host: Host, asked: str) -> Outcome:
    """What JAX computes on, against what the learner is told to use (auto, cpu or gpu)."""
    try:
        said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return fail(f"JAX found no device within {SECONDS:g} s", "see that nvidia-smi answers, or restart")
    if said.returncode:
        return fail(f"JAX does not start: {said.stderr.strip().splitlines()[-1]}", MENDED)
    version, backend, kinds = json.loads(said.stdout.strip().splitlines()[-1])
    return judge(f"JAX {version} on {backend}: {', '.join(kinds)}", backend, asked, has_gpu(host))


def judge(told: str, backend: str, asked: str, has_gpu: bool) -> Outcome:
    """Judge what JAX uses."""
    if asked == "gpu" and backend != "gpu":
        return fail(f"{told}; the learner is told to use a gpu", MENDED)
    if asked == "auto" and backend == "cpu" and has_gpu:
        return warn(f"{told}, beside an NVIDIA GPU", MENDED)
    return ok(told)


def has_gpu(host: Host) -> bool:
    """Whether the kernel shows an NVIDIA GPU."""
    return (host.dev / "nvidia0").exists()
