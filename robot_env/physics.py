"""MuJoCo, imported here and nowhere else, because the way to draw must be chosen before it is.

It carries no type stubs: `Model`, `Data` and `Spec` name what is meant.
"""

import importlib
from typing import Any, TypeAlias

from robot_env.rendering.backend import choose_backend

choose_backend()

mujoco: Any = importlib.import_module("mujoco")
Model: TypeAlias = Any
Data: TypeAlias = Any
Spec: TypeAlias = Any
Body: TypeAlias = Any
