"""Frames a second that a simulated camera draws, and what they add to a step."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.rendering.backend import choose_backend
from robot_env.rendering.raycast import RaycastView
from robot_env.rendering.view import ViewConfig, open_view
from shared.clock import ManualClock

TASK = "pick_cube_vision"
CAMERAS = ("front", "wrist")
SIZES = (64, 128)
ROUNDS = 5
AIM = {128: 600}
MOST_SECONDS = 0.5


def main() -> Iterator[dict[str, object]]:
    """The best of several rounds, each camera alone and both in turn.

    `per_cpu_second` counts the processor's time of all threads, so a busy machine does not change it much.
    """
    for size in SIZES:
        env = make(TASK, clock=ManualClock(), image_size=size)
        assert isinstance(env, RobotEnv)
        env.reset(seed=0)
        world = env._arm.world
        views = {name: open_view(world, ViewConfig(camera=name, width=size, height=size)) for name in CAMERAS}
        rays = {name: RaycastView(world, name, size, size) for name in CAMERAS}
        for drawn_by, chosen in ((choose_backend(), views), ("rays", rays)):
            for name, view in chosen.items():
                yield _row(size, name, drawn_by, [view.frame])
            yield _row(size, "both", drawn_by, [view.frame for view in chosen.values()])
        yield _step(env, size)
        for view in views.values():
            view.close()
        env.close()


def _row(size: int, camera: str, drawn_by: str, draws: list[Callable[[], object]]) -> dict[str, object]:
    per_second = per_cpu_second = 0.0
    for _ in range(ROUNDS):
        frames, began, cpu = 0, time.perf_counter(), time.process_time()
        while (elapsed := time.perf_counter() - began) < MOST_SECONDS / ROUNDS:
            for draw in draws:
                draw()
            frames += len(draws)
        per_second = max(per_second, frames / elapsed)
        per_cpu_second = max(per_cpu_second, frames / (time.process_time() - cpu))
    row = {"figure": f"frames, {camera}", "size": size, "drawn_by": drawn_by}
    row |= {"per_second": round(per_second), "per_cpu_second": round(per_cpu_second)}
    return row | ({"aim_per_second": AIM[size]} if size in AIM and drawn_by != "rays" else {})


def _step(env: RobotEnv, size: int) -> dict[str, object]:
    """One period with two cameras on a simulated clock, and the same without them."""
    blind = make(TASK.removesuffix("_vision"), clock=ManualClock())
    blind.reset(seed=0)
    action = np.zeros(env.interface.action_size, np.float32)
    milliseconds: dict[str, list[float]] = {"seen": [], "blind": []}
    for _ in range(60):
        for name, stepped in (("seen", env), ("blind", blind)):
            began = time.perf_counter()
            stepped.step(action)
            milliseconds[name].append(1e3 * (time.perf_counter() - began))
    blind.close()
    medians = {f"{name}_ms": round(float(np.median(times)), 2) for name, times in milliseconds.items()}
    return {"figure": "step, two cameras", "size": size, **medians}


if __name__ == "__main__":
    for row in main():
        print(row)
