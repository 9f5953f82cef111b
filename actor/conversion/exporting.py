"""`handson demo export`: episode files of ours become a data set for the tools of others."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from actor.conversion import EXPORTERS
from actor.conversion.account import Account
from actor.conversion.lerobot.config import LeRobotConfig
from actor.json_file import write_json
from robot_env.families import resolve
from shared.config import parse_command_line
from shared.episode_files import episode_files
from shared.episodes import Episode, group_episodes, read_episodes
from shared.interface import InterfaceSpec, require_equal


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """What is exported, and as what."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE|DIR")]
    """An episode file, or a directory of them."""
    format: Literal["lerobot"] = "lerobot"
    """lerobot: a LeRobotDataset v3.0."""
    out: Path = Path("exported")
    """Directory of the data set; it must not exist yet. Its account goes beside it, as NAME.export.json."""
    lerobot: tyro.conf.OmitArgPrefixes[LeRobotConfig] = field(default_factory=LeRobotConfig)
    """How a LeRobotDataset is written."""


def main(argv: Sequence[str] | None = None) -> int:
    """Export, print the account and write it as JSON."""
    config = parse_command_line(
        ExportConfig,
        sys.argv[1:] if argv is None else argv,
        prog="handson demo export",
        description="Write demonstrations as a data set for the tools of others.",
    )
    account = Account()
    files = episode_files(config.source)
    interface = _interface(files)
    export = resolve("format", EXPORTERS, config.format)
    export(_whole(files, account), interface, config.out, config.lerobot, account)
    told = {"source": str(config.source), "format": config.format, "account": account.as_json()}
    write_json(config.out.with_name(f"{config.out.name}.export.json"), told)
    account.say("written", str(config.out))
    Console().print(account.table(f"{config.source} as {config.format}"))
    return 0


def _interface(files: Sequence[Path]) -> InterfaceSpec:
    first, *others = [read_episodes(file).interface for file in files]
    for file, interface in zip(files[1:], others, strict=True):
        require_equal(first, interface, "exporting", str(file))
    return first


def _whole(files: Sequence[Path], account: Account) -> Callable[[], Iterator[Episode]]:
    """Reads, each time it is called, the episodes that miss no step; what it leaves out is told once."""

    def episodes() -> Iterator[Episode]:
        for file in files:
            for episode in group_episodes(read_episodes(file).records()):
                name = f"episode {episode.number} of {file}"
                if episode.steps[-1].identity.step != len(episode.steps) - 1:
                    account.say("left out", f"{name}: steps of it are missing")
                    continue
                if episode.cut:
                    account.say("last steps", f"{name} has no end, and gets none")
                yield episode

    return episodes
