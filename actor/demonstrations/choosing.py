"""`handson demo filter` and `handson demo trim`: some of the episodes, or shorter ones, in a new file.

The original is never changed. What was done is told, and noted in the new file.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from actor.demonstrations.choice import add_arguments, choice_of
from actor.demonstrations.findings import STILL, look_at
from actor.demonstrations.loading import Episodes, Numbered, load, require_numbers
from actor.demonstrations.trimming import trim
from actor.recording import Recording
from shared.errors import ConfigError
from shared.step import EpisodeKind, Step

NOTE = "handson.made_from"


@dataclass(frozen=True, kw_only=True)
class Made:
    """An episode of a new file: its steps, its start where that is still the same, what was done to it."""

    number: int
    steps: Sequence[Step]
    start_seed: int | None
    what: str


def filter_main(argv: Sequence[str]) -> int:
    """Write the chosen episodes."""
    parser = _parser("filter", "Write some of the episodes to a new file of demonstrations.")
    arguments = parser.parse_args(list(argv))
    loaded = _chosen(arguments)
    made = [_as_it_is(one) for one in loaded.episodes]
    write(arguments.path, loaded, made, arguments.out, "filter")
    return 0


def trim_main(argv: Sequence[str]) -> int:
    """Write the chosen episodes without their rest at the start and the end."""
    parser = _parser("trim", "Write episodes without the steps at rest at their start and end.")
    parser.add_argument("--below", type=float, default=STILL, help="size of a motion that is none")
    parser.add_argument("--margin", type=int, default=1, help="steps at rest that stay at either end")
    arguments = parser.parse_args(list(argv))
    if not 0.0 < arguments.below <= 1.0 or arguments.margin < 0:
        raise ConfigError("demo trim", "below or margin is out of range", "give 0 < below <= 1, margin >= 0")
    loaded = _chosen(arguments)
    made = [_trimmed(one, loaded, arguments.below, arguments.margin) for one in loaded.episodes]
    write(arguments.path, loaded, made, arguments.out, "trim")
    return 0


def write(source: Path, loaded: Episodes, made: Sequence[Made], out: Path, command: str) -> None:
    """A new file of demonstrations, and a line on each of them.

    Raises:
        EpisodeFileError: `out` exists already, or the disk does not take it.
    """
    note = {"source": str(source), "command": command, "episodes": json.dumps([one.number for one in made])}
    with Recording(out, loaded.interface, actor_id="demo", kind=EpisodeKind.DEMO) as recording:
        recording.note(NOTE, note)
        for one in made:
            recording.add(one.steps, one.start_seed)
            print(f"episode {one.number}: {len(one.steps)} steps; {one.what}")
    left = loaded.count - len(made)
    print(f"{out}: {recording.episodes} episodes, {recording.steps} steps; {left} left out of {source}")


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"handson demo {command}", description=description)
    parser.add_argument("path", type=Path, help="episode file, or a directory of them")
    parser.add_argument("--out", type=Path, required=True, help="new file, as in good.mcap")
    add_arguments(parser)
    parser.add_argument("--sound", action="store_true", help="only those in which nothing is wrong")
    return parser


def _chosen(arguments: argparse.Namespace) -> Episodes:
    """The episodes that are meant: chosen by their steps first, so that no pictures of others are held."""
    outline = load(arguments.path, images=False)
    require_numbers((arguments.episodes or frozenset()) | arguments.without, outline.count)
    chosen = choice_of(arguments).of(outline)
    loaded = load(arguments.path, numbers=frozenset(one.number for one in chosen))
    if not arguments.sound:
        return loaded
    sound = [one for one in loaded.episodes if not look_at(one, loaded.interface).wrong]
    if not sound:
        raise ConfigError("choosing episodes", "something is wrong in each", "see handson demo inspect")
    return replace(loaded, episodes=sound)


def _as_it_is(one: Numbered) -> Made:
    last = one.episode.steps[-1].step
    what = f"its last step as it was: reward {last.reward:g}, {last.why or 'no end'}"
    return Made(number=one.number, steps=_steps(one), start_seed=one.start_seed, what=what)


def _trimmed(one: Numbered, loaded: Episodes, below: float, margin: int) -> Made:
    done = trim(_steps(one), loaded.interface, below=below, margin=margin)
    what = f"{done.cut_before} cut before, {done.cut_after} after; {done.last}"
    seed = None if done.cut_before else one.start_seed
    return Made(number=one.number, steps=done.steps, start_seed=seed, what=what)


def _steps(one: Numbered) -> list[Step]:
    """Its steps; a new file numbers them anew, so none may be missing."""
    records = one.episode.steps
    if [record.identity.step for record in records] != list(range(len(records))):
        raise ConfigError(
            "choosing episodes",
            f"steps of episode {one.number} are missing",
            f"leave it out: --without {one.number}, or --sound",
        )
    return [record.step for record in one.episode.steps]
