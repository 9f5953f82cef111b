"""A world seen by a picture alone: a red dot that is to be moved to the middle. Importing it registers it."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

DOT = "tests.deploy.picture_world:Dot-v0"
SIDE = 32
DOT_SIDE = 5
REACH = 0.2
CLOSE = 0.15
STEPS = 20


class Dot(gymnasium.Env):
    """The picture is (32, 32, 3) uint8, in a Dict beside a vector or alone. It cannot draw itself."""

    metadata: ClassVar = {"render_modes": [], "render_fps": 10}

    def __init__(self, beside: bool = False, side: int = SIDE) -> None:
        picture = spaces.Box(0, 255, (side, side, 3), np.uint8)
        vector = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.observation_space = spaces.Dict({"view": picture, "last": vector}) if beside else picture
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._beside, self._side = beside, side

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self._at, self._last = self.np_random.uniform(-1, 1, 2), np.zeros(2, np.float32)
        self._steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self._last = np.asarray(action, np.float32)
        self._at = np.clip(self._at + REACH * self._last, -1.0, 1.0)
        self._steps += 1
        distance = float(np.abs(self._at).max())
        there = distance < CLOSE
        reward = 1.0 if there else -distance
        return self._seen(), reward, there, self._steps >= STEPS, {"is_success": there}

    def _seen(self) -> Any:
        picture = np.full((self._side, self._side, 3), 40, np.uint8)
        row, column = ((self._at + 1) / 2 * (self._side - DOT_SIDE)).astype(int)
        picture[row : row + DOT_SIDE, column : column + DOT_SIDE] = (250, 80, 60)
        return {"view": picture, "last": self._last} if self._beside else picture


for name, settings in (("Dot-v0", {}), ("DotBeside-v0", {"beside": True}), ("BigDot-v0", {"side": 640})):
    gymnasium.register(name, entry_point=Dot, kwargs=settings)
