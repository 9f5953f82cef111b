"""`handson learner`: train on what actors send, and serve them policies."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from learner.checkpoints import CHECKPOINTS, list_checkpoints
from learner.config import PRESETS, LearnerConfig
from learner.ending import interruptible
from learner.life import Life
from learner.run_logging import run_logging
from learner.start import SETTINGS, make_directory
from shared.clock import SystemClock
from shared.config import parse_command_line
from shared.errors import HandsOnError, NonFiniteError

log = logging.getLogger(__name__)

DESCRIPTION = """Train: receive steps from actors, update the agent, publish policies.

Start it before or after the actors; it says when it waits for the first one. Ctrl-C ends it in order: what is
paid for is trained on, the last state is saved, and --resume goes on from there."""


def main(argv: Sequence[str]) -> int:
    """Run one learner and return its exit status: 0 when it ended as asked, 2 when a person has to help."""
    config = parse_command_line(
        LearnerConfig,
        with_settings_of_the_run(argv),
        prog="handson learner",
        description=DESCRIPTION,
        presets=PRESETS,
    )
    make_directory(config.run_dir)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with run_logging(config.run_dir / "learner.log", console), interruptible() as interrupt:
        try:
            summary = Life(config, console, interrupt, SystemClock()).run()
        except HandsOnError as error:
            log.error("%s", error)
            if isinstance(error, NonFiniteError):
                _point_to_checkpoint(config.run_dir)
            return 2
        except Exception:
            log.exception("the learner failed")
            raise
    summary.show(Console(highlight=False))
    return 0


def with_settings_of_the_run(argv: Sequence[str]) -> list[str]:
    """With --resume, the settings that the run was started with come first; flags still override them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--run-dir", "--run_dir", type=Path, default=LearnerConfig().run_dir)
    parser.add_argument("--resume", action="store_true")
    try:
        known, _ = parser.parse_known_args(list(argv))
    except argparse.ArgumentError:
        return list(argv)
    settings = known.run_dir / SETTINGS
    return ["--config", str(settings), *argv] if known.resume and settings.is_file() else list(argv)


def _point_to_checkpoint(run_dir: Path) -> None:
    newest = next(iter(list_checkpoints(run_dir / CHECKPOINTS)), None)
    if newest is None:
        log.error("there is no checkpoint to go back to; the steps are in the log, and --resume trains anew")
    else:
        log.error("all values were finite in %s; --resume goes on from there", newest)
