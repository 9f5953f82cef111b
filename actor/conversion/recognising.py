"""Which format a file or directory is of, from its names alone."""

from pathlib import Path

from actor.conversion import IMPORTERS
from shared.errors import ConfigError


def recognise(path: Path) -> str:
    """The format's name; raises ConfigError where nothing gives it away."""
    if (path / "meta" / "info.json").is_file():
        return "lerobot"
    if path.suffix in (".hdf5", ".h5"):
        return "robomimic"
    if path.suffix in (".pkl", ".pickle") or (path.is_dir() and any(path.glob("*.pkl"))):
        return "serl"
    missing = "is not there" if not path.exists() else "is of no format that is known by its name"
    raise ConfigError(
        str(path), missing, f"name an existing file or directory, or give --format: {', '.join(IMPORTERS)}"
    )
