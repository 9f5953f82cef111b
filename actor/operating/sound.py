"""Sounds for a person who looks at the robot: the terminal's bell, and a tone where the host can play one."""

import logging
import queue
import shutil
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np

from shared.cache import cache_directory

log = logging.getLogger(__name__)

TONES_HZ = {
    "attention": (660.0,),
    "success": (660.0, 880.0),
    "failure": (440.0, 330.0),
    "takeover": (550.0,),
    "release": (440.0,),
}
TONE_SECONDS = 0.15
SAMPLES_PER_SECOND = 22_050
PLAYERS = ("paplay", "aplay")
BELL = "\a"
JOIN_SECONDS = 1.0


class Sound:
    """Plays on a thread of its own, one sound at a time; what cannot be played is not.

    The control thread rings when somebody takes over: it waits for no terminal and starts no process.
    """

    def __init__(self) -> None:
        self._player = next((found for name in PLAYERS if (found := shutil.which(name))), None)
        self._playing: subprocess.Popen[bytes] | None = None
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    def ring(self, name: str) -> None:
        """The sound of a name in TONES_HZ, unless one is playing; any thread, never waits."""
        self._wanted.put(name)

    def close(self) -> None:
        """Ring what was asked for, then stop playing, within a bounded time."""
        self._wanted.put(None)
        self._thread.join(JOIN_SECONDS)
        if self._playing is not None:
            self._playing.kill()
            self._playing.wait()

    def _run(self) -> None:
        while (name := self._wanted.get()) is not None:
            sys.stderr.write(BELL)
            sys.stderr.flush()
            self._play(name)

    def _play(self, name: str) -> None:
        if self._player is None or (self._playing is not None and self._playing.poll() is None):
            return
        quiet = subprocess.DEVNULL
        try:
            command = [self._player, str(tone_file(name))]
            self._playing = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
        except OSError as error:
            log.info("no sound: %s", error)
            self._player = None


def tone_file(name: str) -> Path:
    """The WAV file of a sound, made once."""
    path = cache_directory() / "sounds" / f"{name}.wav"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        making = path.with_suffix(".making")
        with wave.open(str(making), "wb") as file:
            file.setparams((1, 2, SAMPLES_PER_SECOND, 0, "NONE", "not compressed"))
            file.writeframes(samples(name).tobytes())
        making.replace(path)
    return path


def samples(name: str) -> np.ndarray:
    """The tones of a sound one after another, int16, each faded in and out."""
    count = round(TONE_SECONDS * SAMPLES_PER_SECOND)
    time = np.arange(count) / SAMPLES_PER_SECOND
    fade = np.sin(np.pi * np.arange(count) / count)
    tones = [np.sin(2.0 * np.pi * hz * time) * fade for hz in TONES_HZ[name]]
    return (0.4 * 32_767 * np.concatenate(tones)).astype("<i2")
