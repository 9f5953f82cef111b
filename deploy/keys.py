"""`handson keys`: the keys that let a learner and actors on other computers know each other."""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from shared.link.keys import DEFAULT_DIRECTORY, KeyStore, PublicKey, read_public_key

DESCRIPTION = """Keys let a learner and actors on two computers know each other. On one none are needed.

The whole way, with the learner on a computer called lab and the robot on one called robot:
  on both    handson keys make
  on lab     handson keys authorise robot.key    (the file that make wrote on robot, copied over)
  on robot   handson keys trust lab.key          (the file that make wrote on lab, copied over)
  on lab     handson learner --bind tcp://0.0.0.0:5555 --keys ~/.config/handson/keys
  on robot   handson actor --connect tcp://lab:5555 --keys ~/.config/handson/keys

Only HOST.key files are ever copied; HOST.key_secret stays where it was made. To shut a computer out again,
remove its file from authorised/ beside the keys, and restart the learner if it is connected."""

Directory = Annotated[Path, tyro.conf.arg(metavar="DIR")]
KeySource = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="HOST.key|DIGITS")]


@dataclass(frozen=True, kw_only=True)
class Make:
    """Make this computer's pair of keys."""

    host: str | None = None
    """Name of this computer; none takes its own."""
    directory: Directory = DEFAULT_DIRECTORY
    """Where keys lie."""

    def run(self) -> None:
        """Make the pair, and say what to do with it."""
        pair = KeyStore(self.directory).make(self.host or this_host())
        print(
            f"made {self.directory.expanduser()}/{pair.public.host}.key, to be copied to the other computers"
        )
        print("on the learner's computer:   handson keys authorise THAT_FILE")
        print("on each actor's computer:    handson keys trust THE_LEARNERS_FILE")


@dataclass(frozen=True, kw_only=True)
class Show:
    """Show this computer's public key, whom it lets in, and which learner it trusts."""

    directory: Directory = DEFAULT_DIRECTORY
    """Where keys lie."""

    def run(self) -> None:
        """Print one line a key."""
        store = KeyStore(self.directory)
        trusted = (store.directory / "trusted_learner.key").exists()
        print(f"keys in {store.directory}")
        print(_line("this computer", store.own().public))
        for key in store.authorised():
            print(_line("lets in", key))
        if trusted:
            print(_line("trusts the learner", store.trusted()))


@dataclass(frozen=True, kw_only=True)
class Authorise:
    """On the learner: let a computer in, from its next attempt on."""

    key: KeySource
    """The other computer's HOST.key, or the 64 digits in it."""
    host: str | None = None
    """Name of the other computer; needed with digits only."""
    directory: Directory = DEFAULT_DIRECTORY
    """Where keys lie."""

    def run(self) -> None:
        """Put the key on the allow-list."""
        key = read_public_key(self.key, self.host)
        KeyStore(self.directory).authorise(key)
        print(f"{key.host} may connect to learners that are started with --keys {self.directory}")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """On an actor: believe this learner, and no other."""

    key: KeySource
    """The learner's HOST.key, or the 64 digits in it."""
    host: str | None = None
    """Name of the learner's computer; needed with digits only."""
    directory: Directory = DEFAULT_DIRECTORY
    """Where keys lie."""

    def run(self) -> None:
        """Remember the learner's key."""
        key = read_public_key(self.key, self.host)
        KeyStore(self.directory).trust(key)
        print(f"actors that are started with --keys {self.directory} trust the learner on {key.host}")


def main(argv: Sequence[str]) -> int:
    """Run `handson keys`; returns the exit status."""
    commands: dict[str, Callable[..., Make | Show | Authorise | Trust]] = {
        "make": Make,
        "show": Show,
        "authorise": Authorise,
        "trust": Trust,
    }
    chosen = tyro.extras.subcommand_cli_from_dict(
        commands, args=list(argv), prog="handson keys", description=DESCRIPTION
    )
    chosen.run()
    return 0


def this_host() -> str:
    """This computer's name, with what a key's name cannot hold replaced."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()).strip("-.")[:63] or "host"


def _line(what: str, key: PublicKey) -> str:
    return f"{what:<20}{key.host:<20}{key.key.hex()}"
