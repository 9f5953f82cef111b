"""Adoption: delivering what earlier lives of this actor left on this computer."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from actor.life import Life
from actor.life_directory import HIDDEN, Claim, read_interface
from actor.uplink_config import UplinkConfig
from shared.clock import Clock
from shared.errors import EpisodeFileError
from shared.interface import InterfaceSpec

log = logging.getLogger(__name__)

_ABANDONED_SECONDS = 60.0


class Adoption:
    """Takes over the directories of earlier lives, oldest first; those still held are tried again.

    Args:
        own: the directory of this life, beside those of earlier ones.

    Attributes:
        tried: whether every directory was looked at once.
    """

    def __init__(
        self,
        own: Path,
        interface: InterfaceSpec,
        config: UplinkConfig,
        clock: Clock,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.tried = False
        self._actor_id = own.parent.name
        self._interface = interface
        self._config = config
        self._clock = clock
        self._wall = wall
        self._deadline = clock.now() + config.patience_seconds
        self._complained: set[Path] = set()
        self._waiting = [path for path in sorted(own.parent.iterdir()) if path != own and path.is_dir()]

    def adopt(self) -> Iterator[Life]:
        """The lives that can be taken over now."""
        for directory in list(self._waiting):
            try:
                life = self._claimed(directory)
            except (OSError, EpisodeFileError) as error:
                self._complain(directory, error)
            else:
                if life is not None:
                    yield life
        self.tried = True

    def _claimed(self, directory: Path) -> Life | None:
        if not directory.exists() or _is_being_born(directory):
            self._waiting.remove(directory)
            return None
        claim = Claim.take(directory)
        if claim is None:
            self._be_patient(directory)
            return None
        life = self._take_over(directory, claim)
        self._waiting.remove(directory)
        return life

    def _take_over(self, directory: Path, claim: Claim) -> Life | None:
        try:
            interface = self._interface_of(directory)
            if interface is None:
                claim.close()
                return None
            life = Life(directory, claim, self._actor_id, interface, self._config, 0, self._wall)
        except BaseException:
            claim.close()
            raise
        try:
            life.inherit()
        except BaseException:
            life.leave()
            raise
        return life

    def _interface_of(self, directory: Path) -> InterfaceSpec | None:
        """The interface of steps that can be delivered; a directory without any is removed."""
        interface = None if directory.name.startswith(HIDDEN) else read_interface(directory)
        if interface is None:
            shutil.rmtree(directory, ignore_errors=True)
        elif interface.fingerprint != self._interface.fingerprint:
            log.warning(
                "%s holds undelivered steps of %s: an actor of that task with the same name and spool "
                "delivers them; removing the directory gives them up",
                directory,
                interface.name,
            )
            return None
        return interface

    def _be_patient(self, directory: Path) -> None:
        if self._clock.now() > self._deadline:
            log.warning("%s is still held by another process, which delivers from it", directory)
            self._waiting.remove(directory)

    def _complain(self, directory: Path, error: Exception) -> None:
        if directory not in self._complained:
            log.warning("%s cannot be taken over yet: %s", directory, error)
        self._complained.add(directory)


def _is_being_born(directory: Path) -> bool:
    young = time.time() - directory.stat().st_mtime < _ABANDONED_SECONDS
    return directory.name.startswith(HIDDEN) and young
