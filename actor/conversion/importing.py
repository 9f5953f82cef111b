"""`handson demo import`: a data set of others becomes an episode file of ours, or is refused."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import Progress

from actor.conversion import IMPORTERS
from actor.conversion.account import Account
from actor.conversion.episode_file import ImportedFile
from actor.conversion.examination import BadEpisode, ExaminationConfig, examined
from actor.conversion.fitting import FittingConfig
from actor.conversion.found import Found, FoundEpisode, ReadingConfig
from actor.conversion.recognising import recognise
from actor.conversion.serl_states import SerlConfig
from actor.conversion.target import Prepare, TargetConfig, preparation
from actor.json_file import write_json
from robot_env.families import resolve
from shared.config import parse_command_line
from shared.interface import InterfaceSpec

Format = Literal["auto", "serl", "hil_serl", "lerobot", "robomimic"]
MOST_SAID = 5


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """What is imported, and how it is understood."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE|DIR")]
    """Pickle of SERL or HIL-SERL, or a directory of them; LeRobotDataset v3.0; HDF5 of robomimic."""
    out: Path = Path("imported")
    """Directory for demos.mcap and import.json."""
    format: Format = "auto"
    """What the source is; auto looks at it."""
    reading: tyro.conf.OmitArgPrefixes[ReadingConfig] = field(default_factory=ReadingConfig)
    """What the source does not say."""
    target: tyro.conf.OmitArgPrefixes[TargetConfig] = field(default_factory=TargetConfig)
    """Whose interface the steps get."""
    fitting: tyro.conf.OmitArgPrefixes[FittingConfig] = field(default_factory=FittingConfig)
    """What is done to pictures and actions."""
    serl: SerlConfig = field(default_factory=SerlConfig)
    """What SERL's configuration said when the pickle was recorded."""
    examination: tyro.conf.OmitArgPrefixes[ExaminationConfig] = field(default_factory=ExaminationConfig)
    """What is let through."""


def main(argv: Sequence[str] | None = None) -> int:
    """Import, print the account and write import.json."""
    config = parse_command_line(
        ImportConfig,
        sys.argv[1:] if argv is None else argv,
        prog="handson demo import",
        description="Make an episode file of a data set of others; nothing in it is executed.",
    )
    account = Account()
    name = recognise(config.source) if config.format == "auto" else config.format
    found: Found = resolve("format", IMPORTERS, name)(config.source, config.reading, account)
    prepare = preparation(found, config.target, config.fitting, config.serl, account)
    with ImportedFile(config.out / "demos.mcap", prepare.interface) as file:
        _fill(file, found, prepare, config.examination, account)
    return _finish(config, name, file, prepare.interface, account)


def _fill(
    file: ImportedFile, found: Found, prepare: Prepare, config: ExaminationConfig, account: Account
) -> None:
    with Progress(transient=True) as progress:
        task = progress.add_task("episodes", total=None)
        for episode in found.episodes:
            try:
                steps = examined(prepare.steps(episode), prepare.interface, config, account, episode.name)
            except BadEpisode as error:
                if not config.skip_bad:
                    raise
                account.say("left out", f"an episode: {error.stage}: {error.cause}")
                continue
            file.add(episode, steps)
            _count(episode, account)
            progress.advance(task)


def _count(episode: FoundEpisode, account: Account) -> None:
    why = episode.steps[-1].why
    account.count("episodes", f"ended by {why.value}" if why else "without an end")


def _finish(
    config: ImportConfig, name: str, file: ImportedFile, interface: InterfaceSpec, account: Account
) -> int:
    written = {
        "source": str(config.source),
        "format": name,
        "out": str(file.path),
        "episodes": file.episodes,
        "steps": file.steps,
        "interface": interface.name,
        "interface_fingerprint": interface.fingerprint,
        "control_hz": interface.control_hz,
        "account": account.as_json(),
    }
    write_json(config.out / "import.json", written)
    account.say("written", f"{file.path}: {file.episodes} episodes, {file.steps} steps")
    Console().print(account.table(f"{config.source} as {interface.name} ({name})"))
    return 0 if file.episodes else 1
