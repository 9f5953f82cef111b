"""Supervisor: keeps one camera delivering: watches its frames, and climbs the ladder when they end."""

import logging
import threading
from collections import deque
from dataclasses import dataclass

from robot_env.cameras.capture_process import CaptureProcess
from robot_env.cameras.frame_ring import FrameRing, Sample
from robot_env.cameras.ladder import Ladder, Look, Rung
from robot_env.cameras.source_config import Life, SourceConfig
from shared.clock import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
RATE_SECONDS = 2.0
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHealth:
    """How a camera is: frames/s of late, frames lost on the way, how often it failed, what is wrong now."""

    live: bool
    fps: float
    frames: int
    dropped: int
    faults: int
    lives: int
    complaint: str
    description: str


class Supervisor:
    """A thread of its own; every method may be called from any other."""

    def __init__(self, config: SourceConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._began = clock.now()
        self._ladder = Ladder(config.mending, self._began)
        self._lives = 0
        self._earlier_frames, self._earlier_drops = 0, 0
        self._counts: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._process = self._new_process()
        self._rung: Rung | None = self._ladder.rung
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera-{config.name}", daemon=True)
        self._thread.start()

    @property
    def mending(self) -> Rung | None:
        """What is being tried to make it deliver; None while it delivers."""
        return self._rung

    @property
    def ring(self) -> FrameRing:
        """Of the present process."""
        return self._process.ring

    def newest(self) -> tuple[int, Sample] | None:
        """A copy of the newest good frame, and its number over all processes; None before the first."""
        with self._lock:
            earlier, ring = self._earlier_frames, self._process.ring
        sample = ring.newest()
        return None if sample is None else (earlier + sample.number, sample)

    def health(self) -> CameraHealth:
        """How the camera is."""
        ring = self.ring
        return CameraHealth(
            live=self._rung is None,
            fps=self._fps(),
            frames=self._earlier_frames + ring.word("newest"),
            dropped=self._earlier_drops + ring.word("dropped"),
            faults=self._ladder.faults,
            lives=self._lives,
            complaint=ring.text("complaint"),
            description=ring.text("description"),
        )

    def close(self) -> None:
        """End the process; harmless twice."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        self._process.end()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        now, before = self._clock.now(), self._rung
        ring = self._process.ring
        frames = self._earlier_frames + ring.word("newest")
        self._counts.append((now, frames))
        while now - self._counts[0][0] > RATE_SECONDS:
            self._counts.popleft()
        look = Look(
            frames=frames,
            taken_seconds=ring.newest_taken_seconds(),
            alive=self._process.alive,
            done=self._process.done,
        )
        rung = self._ladder.step(now, look)
        if rung is not None:
            self._climb(rung)
        self._rung = self._ladder.rung
        if before is not None and self._rung is None:
            self._tell_of_recovery(now, before)

    def _climb(self, rung: Rung) -> None:
        health = self.health()
        log.warning(
            "camera %r: %s: %s (%.1f frames/s, %d dropped, fault %d)",
            *(self._config.name, _words(rung)),
            *(health.complaint or self._silence(), health.fps, health.dropped, health.faults),
        )
        if rung is Rung.NEW_PROCESS:
            self._replace_process()
        else:
            self._process.ask(rung)

    def _silence(self) -> str:
        return "its frames end" if self._process.alive else "its process ended"

    def _replace_process(self) -> None:
        old = self._process
        frames, drops = old.ring.word("newest"), old.ring.word("dropped")
        old.kill()
        with self._lock:
            frames = max(frames, old.ring.word("newest"))
            self._process = self._new_process()
            self._earlier_frames += frames
            self._earlier_drops += drops

    def _new_process(self) -> CaptureProcess:
        self._lives += 1
        return CaptureProcess(self._config, Life(number=self._lives - 1, began_seconds=self._began))

    def _tell_of_recovery(self, now: float, rung: Rung) -> None:
        if self._ladder.faults:
            took = now - self._ladder.since_seconds
            log.warning("camera %r delivers again after %.1f s: %s", self._config.name, took, _words(rung))
        else:
            self._began = now
            log.info("camera %r delivers: %s", self._config.name, self.ring.text("description"))

    def _fps(self) -> float:
        counts = list(self._counts)
        if len(counts) < 2:
            return 0.0
        (first, before), (last, after) = counts[0], counts[-1]
        return (after - before) / max(last - first, LOOK_SECONDS)


def _words(rung: Rung) -> str:
    return rung.name.lower().replace("_", " ")
