"""What earlier sessions left in a directory: who goes on counts it, and starts where nobody did yet."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from actor.demonstrations.coverage import SAMPLES, Coverage
from actor.demonstrations.loading import bare
from actor.demonstrations.tally import Tally
from actor.seeds import start_seed
from actor.world import World
from robot_env.env import RobotEnv
from robot_env.tasks.base import Start
from shared.episode_starts import read_starts
from shared.episodes import group_episodes, read_episodes
from shared.interface import InterfaceSpec, require_equal
from shared.step import Why

STAGE = "demo"


def draw_starts(world: World) -> list[Start]:
    """Starts that the task draws, to know its range; none where it is not one of HandsOn's own."""
    env = world.env.unwrapped
    return [env.start_of(seed) for seed in range(SAMPLES)] if isinstance(env, RobotEnv) else []


def require_equal_files(files: Sequence[Path], interface: InterfaceSpec) -> None:
    """Raise InterfaceMismatch where an earlier file was recorded in another world."""
    for path in files:
        require_equal(interface, read_episodes(path).interface, STAGE, str(path))


def take_up(files: Sequence[Path], tally: Tally, world: World) -> set[int]:
    """Count the demonstrations in these files; the seeds that they began from."""
    used: set[int] = set()
    for path in files:
        starts = read_starts(path)
        for episode in group_episodes(bare(read_episodes(path).records())):
            if episode.cut:
                continue
            tally.keep(len(episode.steps), episode.steps[-1].step.why is Why.SUCCESS)
            tally.before += 1
            if (seed := starts.get((episode.actor_id, episode.incarnation, episode.number))) is not None:
                used.add(seed)
                cover(tally.coverage, world, seed)
    return used


def cover(coverage: Coverage, world: World, seed: int) -> None:
    """A demonstration that is kept began from this seed."""
    env = world.env.unwrapped
    if isinstance(env, RobotEnv):
        coverage.add(env.start_of(seed))


def fresh_seeds(run_seed: int, used: Collection[int]) -> Iterator[int]:
    """Seeds of start states in order, those that were used left out."""
    attempt = 0
    while True:
        seed = start_seed(run_seed, "demo", attempt)
        if seed not in used:
            yield seed
        attempt += 1
