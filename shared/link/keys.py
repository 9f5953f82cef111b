"""CURVE keys as files: one pair a host, an allow-list on the learner, the learner's public key on the actor.

A directory of keys holds

    HOST.key_secret       this host's secret key: mode 0600, never leaves the host
    HOST.key              its public key: give it to the other side
    authorised/*.key      on the learner: the hosts that may connect
    trusted_learner.key   on the actor: the learner that it believes

Each file is one line: what it is, 64 hexadecimal digits, and the host. Nothing else is read from it.
"""

import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from shared.errors import ConfigError

log = logging.getLogger(__name__)

DEFAULT_DIRECTORY = Path("~/.config/handson/keys")

_STAGE = "keys"
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_PUBLIC, _SECRET = "handson-public-key", "handson-secret-key"
_LINE = re.compile(rf"({_PUBLIC}|{_SECRET}) ([0-9a-f]{{64}}) ({_HOST.pattern})\s*")
_HEX = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What others may know of a host: its name and 32 bytes."""

    host: str
    key: bytes

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise ConfigError(
                _STAGE, f"{self.host!r} is not a host name", "use letters, digits, dots, dashes"
            )

    @property
    def line(self) -> str:
        """The content of its file."""
        return f"{_PUBLIC} {self.key.hex()} {self.host}\n"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """This host's own keys; the secret half is never printed."""

    public: PublicKey
    secret: bytes = field(repr=False)


class KeyStore:
    """A directory of keys. Files are read again at each use, so a change needs no restart."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser()

    def make(self, host: str) -> KeyPair:
        """Create this host's pair; raises ConfigError if the directory has one."""
        if existing := self._secret_files():
            cure = "use it, or remove both its files first"
            raise ConfigError(_STAGE, f"this host has a pair already: {existing[0]}", cure)
        public, secret = (z85.decode(half) for half in zmq.curve_keypair())
        pair = KeyPair(PublicKey(host, public), secret)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.directory / f"{host}.key_secret", f"{_SECRET} {secret.hex()} {host}\n", 0o600)
        _write(self.directory / f"{host}.key", pair.public.line, 0o644)
        return pair

    def own(self) -> KeyPair:
        """This host's pair."""
        files = self._secret_files()
        if len(files) != 1:
            found = "no pair" if not files else f"{len(files)} pairs"
            cure = f"run: handson keys make --directory {self.directory}" if not files else "keep one of them"
            raise ConfigError(_STAGE, f"{self.directory} holds {found} of this host's keys", cure)
        if files[0].stat().st_mode & 0o077:
            raise ConfigError(_STAGE, f"others can read {files[0]}", f"run: chmod 600 {files[0]}")
        kind, secret, host = _parse(files[0])
        if kind != _SECRET:
            raise ConfigError(_STAGE, f"{files[0]} is not a secret key", "remove it and make a new pair")
        public = z85.decode(zmq.curve_public(z85.encode(secret)))
        return KeyPair(PublicKey(host, public), secret)

    def authorise(self, key: PublicKey) -> Path:
        """Put a host on the allow-list, in place of an older key of the same host."""
        path = self.directory / "authorised" / f"{key.host}.key"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, key.line, 0o644)
        return path

    def authorised(self) -> list[PublicKey]:
        """The allow-list; a file in it that is no public key lets nobody in, and is logged."""
        known: list[PublicKey] = []
        for path in sorted((self.directory / "authorised").glob("*.key")):
            try:
                known.append(read_public_key(path))
            except ConfigError as error:
                log.warning("%s", error)
        return known

    def trust(self, key: PublicKey) -> Path:
        """Believe this learner, in place of an earlier one."""
        path = self.directory / "trusted_learner.key"
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, key.line, 0o644)
        return path

    def trusted(self) -> PublicKey:
        """The learner that this host believes."""
        path = self.directory / "trusted_learner.key"
        if not path.exists():
            cure = "copy the learner's HOST.key here and run: handson keys trust HOST.key"
            raise ConfigError(_STAGE, f"{self.directory} holds no key of the learner", cure)
        return read_public_key(path)

    def _secret_files(self) -> list[Path]:
        return sorted(self.directory.glob("*.key_secret"))


def read_public_key(source: str | Path, host: str | None = None) -> PublicKey:
    """A public key from its file, or from its 64 hexadecimal digits and a host name."""
    if isinstance(source, str) and _HEX.fullmatch(source):
        if host is None:
            raise ConfigError(_STAGE, "a key given as digits needs a name", "add --host NAME")
        return PublicKey(host, bytes.fromhex(source))
    path = Path(source).expanduser()
    kind, key, written = _parse(path)
    if kind == _SECRET:
        cure = f"give {path.with_suffix('.key').name} instead, and keep the secret on its host"
        raise ConfigError(_STAGE, f"{path} is a secret key", cure)
    return PublicKey(host or written, key)


def _parse(path: Path) -> tuple[str, bytes, str]:
    try:
        match = _LINE.fullmatch(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(_STAGE, f"{path} cannot be read: {error}", "give the path of a HOST.key") from None
    if match is None:
        cure = "give a HOST.key that handson keys make wrote, or its 64 digits"
        raise ConfigError(_STAGE, f"{path} is not a key", cure)
    return match[1], bytes.fromhex(match[2]), match[3]


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="ascii") as file:
        file.write(text)
    part.chmod(mode)
    part.replace(path)
