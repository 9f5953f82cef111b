"""`handson eval`: measure a saved policy over fixed start states, or compare two; needs no learner.

Leaves `evaluation.json`, the episodes as `evaluation.mcap`, strips of what the cameras showed and, if asked
for, a video; of a second policy the same in `against/`, and of both `comparison.json`.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console

from actor.evaluating.comparison import Comparison
from actor.evaluating.config import EvalConfig
from actor.evaluating.contestants import Hall, contest
from actor.evaluating.keeping import RESULT, STRIPS
from actor.evaluating.starts import Grid, lay_grid
from actor.evaluating.success_map import SuccessMap
from actor.evaluating.tables import comparison_table, result_table
from actor.json_file import write_json
from actor.live_view import live_view
from actor.logs import logging_to
from actor.operating.attendance import attended
from actor.operating.denying import deny_by_key
from actor.policy_runner import configure_device
from actor.scoring import EvaluationResult
from actor.stop import StopSignal
from actor.teleop import open_device
from actor.world import World, open_world
from robot_env.teleop.base import TeleopDevice
from shared.config import parse_command_line
from shared.errors import ConfigError
from shared.policy.snapshot import read_snapshot
from shared.policy.vision import cameras
from shared.version import code_version

__all__ = ["AGAINST", "COMPARISON", "RESULT", "STRIPS", "main", "parse", "run"]

COMPARISON = "comparison.json"
AGAINST = "against"
"""Directory of the second policy's evaluation."""

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate, write the files, print the tables; 130 when interrupted, which leaves no evaluation.json."""
    return run(parse(sys.argv[1:] if argv is None else argv))


def parse(argv: Sequence[str]) -> EvalConfig:
    """What the command line says."""
    description = "Measure a saved policy over fixed start states, or compare two."
    return parse_command_line(EvalConfig, argv, prog="handson eval", description=description)


def run(config: EvalConfig) -> int:
    """As `main`.

    Raises:
        HandsOnError: a policy does not fit, the files are there already, or the task is done at every start.
    """
    snapshots = [read_snapshot(path) for path in config.policy_files]
    configure_device(config.device)
    stop = StopSignal()
    began = time.monotonic()
    with (
        logging_to(None, verbose=config.verbose),
        stop.on_signals(),
        open_world(
            config.environment,
            config.clock,
            render=config.video is not None,
            reward=config.reward,
            scene=config.scene,
            judging=config.judging,
        ) as world,
        _device(config, world) as device,
        attended(config.operator, stop, world.judge, device) as operator,
        live_view(config.view, f"{config.policy.name} on {config.environment}") as show,
    ):
        names = cameras(world.interface)
        grid = _grid(config, world)
        seeds = grid.start_seeds if grid else range(config.start_seed, config.start_seed + config.episodes)
        hall = Hall(config=config, world=world, stop=stop, operator=operator, device=device, show=show)
        deny_by_key(operator, [world.judge])
        results = contest(hall, snapshots, _places(config), seeds)
    if results is None:
        print(
            f"evaluation interrupted by {stop.cause or 'the operator'}; no evaluation.json was written",
            file=sys.stderr,
        )
        return 130
    _conclude(config, results, grid, {"cameras": names, "wall_seconds": time.monotonic() - began})
    return 0


def _places(config: EvalConfig) -> list[tuple[Path, Path | None]]:
    """Where each policy's files go, and its film."""
    video = config.video
    second = None if video is None else video.with_stem(f"{video.stem}-{AGAINST}")
    return [(config.out, video), (config.out / AGAINST, second)]


@contextmanager
def _device(config: EvalConfig, world: World) -> Iterator[TeleopDevice | None]:
    if config.teleop is None:
        yield None
        return
    with closing(open_device(config.teleop, world, config.scene, config.clock)) as device:
        yield device


def _grid(config: EvalConfig, world: World) -> Grid | None:
    if config.grid is None:
        return None
    grid = lay_grid(
        world.rollout.robot,
        config.grid,
        config.grid_over,
        episodes=config.episodes,
        first_seed=config.start_seed,
    )
    if (played := len(grid.start_seeds)) != config.episodes:
        log.warning("%d episodes are played: as many in each cell of %s", played, config.grid)
    return grid


def _conclude(
    config: EvalConfig, results: Sequence[EvaluationResult], grid: Grid | None, about: dict[str, object]
) -> None:
    """Write and print; raise where nothing counts."""
    console = Console()
    for result, path, (out, _) in zip(results, config.policy_files, _places(config), strict=False):
        success_map = SuccessMap.of(grid, result.episodes) if grid else None
        write_json(out / RESULT, _found(config, path, result, success_map) | about)
        title = f"{path.name} on {config.environment}"
        console.print(result_table(title, result, success_map, written=out / RESULT))
    for result in results:
        _require_something(result)
    if config.against is not None:
        first, second = results
        comparison = Comparison.of(first, second, np.random.default_rng(config.seed))
        names = {"first": str(config.policy_files[0]), "second": str(config.policy_files[1])}
        write_json(config.out / COMPARISON, names | comparison.as_dict())
        console.print(comparison_table(comparison, written=config.out / COMPARISON))


def _found(
    config: EvalConfig, policy: Path, result: EvaluationResult, success_map: SuccessMap | None
) -> dict[str, object]:
    return {
        "environment": config.environment,
        "policy": str(policy),
        "start_seed": config.start_seed,
        "teleop": config.teleop,
        "code_version": code_version(),
        **result.as_dict(),
        "grid": success_map.as_dict() if success_map else None,
    }


def _require_something(result: EvaluationResult) -> None:
    if not result.episodes:
        raise ConfigError(
            "evaluation",
            f"the task is done already at all {len(result.done_at_start)} starts, before anybody acts",
            "look at what judges (--reward, its classifier), at the task's success, at the reset",
        )
