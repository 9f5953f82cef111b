"""The five packages are this checkout's, complete and cheap to import."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("learner", "actor", "robot_env", "shared", "deploy")
# Run by the Python of the simulated Franka's own environment, never imported here.
OPTIONAL = frozenset({"deploy.franka_sim.serve"})


def modules() -> list[str]:
    names = list(PACKAGES)
    for package in PACKAGES:
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        names += [module.name for module in found]
    return sorted(name for name in set(names) - OPTIONAL if not name.endswith(".__main__"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_the_one_of_this_checkout(package: str, repository: Path):
    found = Path(importlib.import_module(package).__file__ or "")
    assert found == repository / package / "__init__.py", f"another distribution's {package} comes first"
    assert (repository / package / "py.typed").is_file()


def test_packages_are_this_checkouts_from_anywhere(repository: Path, tmp_path: Path):
    code = f"import {', '.join(PACKAGES)}; print(*[m.__file__ for m in ({', '.join(PACKAGES)})])"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == [str(repository / package / "__init__.py") for package in PACKAGES]


@pytest.mark.parametrize("name", modules())
def test_what_all_names_exists(name: str):
    module = importlib.import_module(name)
    missing = [export for export in getattr(module, "__all__", ()) if not hasattr(module, export)]
    assert not missing
    assert module.__doc__, f"{name} does not say what it is"


CHEAP = {
    "shared": ("numpy", "jax", "zmq", "msgspec"),
    "shared.errors": ("numpy", "jax", "zmq", "msgspec"),
    "shared.protocol": ("jax", "zmq", "gymnasium"),
    "shared.delivery": ("jax", "zmq", "gymnasium"),
    "shared.config": ("numpy", "jax", "tyro", "rich"),
    "robot_env": ("numpy", "mujoco", "gymnasium", "cv2"),
    "actor": ("numpy", "jax", "gymnasium"),
    "learner": ("numpy", "jax", "optax"),
    "deploy.cli": ("numpy", "jax", "tyro", "rich"),
}


@pytest.mark.parametrize("name", CHEAP)
def test_importing_stays_cheap(name: str):
    code = f"import sys, {name}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(CHEAP[name]) & set(loaded)


def test_no_module_shadows_the_standard_library():
    leaves = {name.rpartition(".")[2] for name in modules() if name.count(".") == 1}
    top_level = leaves & {"types", "typing", "queue", "logging", "random", "signal", "socket", "time"}
    assert not top_level
