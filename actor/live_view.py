"""LiveView: a live look at cameras, state, action and reward in Rerun, that never makes the loop wait.

The control thread leaves each step as the newest and goes on; a thread of its own shows the newest it finds,
so a slow viewer skips steps. Steps own their arrays, so nothing is copied.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from shared.errors import ConfigError
from shared.step import Step

log = logging.getLogger(__name__)

APPLICATION = "handson"
WAIT_SECONDS = 0.5
CLOSE_SECONDS = 5.0
JPEG_QUALITY = 75

Show = Callable[[Step, int, int], None]


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """Whether and where to look on."""

    view: Literal["none", "rerun"] = "none"
    """rerun: open the Rerun viewer on this host, or use the one that is open, and show each step in it."""
    view_to: Path | None = None
    """File, as in practice.rrd, that the viewer can open later; what is shown goes there instead."""

    def __post_init__(self) -> None:
        if self.view_to is not None and self.view_to.suffix != ".rrd":
            raise ConfigError("view", f"view_to is {self.view_to}", "name a file that ends in .rrd")

    @property
    def wanted(self) -> bool:
        """Whether anything is shown at all."""
        return self.view != "none" or self.view_to is not None


@contextmanager
def live_view(config: ViewConfig, name: str) -> Iterator[Show]:
    """`show(step, episode, number)` for as long as the block lasts; it does nothing where no view was wanted.

    Raises:
        ConfigError: the viewer's library is not installed.
    """
    if not config.wanted:
        yield lambda step, episode, number: None
        return
    with closing(LiveView(config, name)) as view:
        yield view.show


class LiveView:
    """One recording, fed by a thread.

    Attributes:
        shown: steps shown so far; those that came too fast are skipped.
    """

    def __init__(self, config: ViewConfig, name: str) -> None:
        self._rerun = _rerun()
        self.shown = 0
        self._config = config
        self._stream = self._rerun.RecordingStream(APPLICATION)
        self._stream.send_recording_name(name)
        self._newest: tuple[Step, int, int] | None = None
        self._arrived, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="live-view", daemon=True)
        self._thread.start()

    def show(self, step: Step, episode: int, number: int) -> None:
        """Leave this step to be shown, unless a newer one comes first; never waits."""
        self._newest = (step, episode, number)
        self._arrived.set()

    def close(self) -> None:
        """Show the last one and write everything out, within a bounded time; harmless twice."""
        self._closing = True
        self._arrived.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            self._open()
            while not self._closing or self._newest is not None:
                self._arrived.wait(WAIT_SECONDS)
                self._arrived.clear()
                newest, self._newest = self._newest, None
                if newest is not None:
                    self._show(*newest)
            self._stream.flush(timeout_sec=CLOSE_SECONDS)
            self._stream.disconnect()
        except Exception:  # what fails is only a look; practice goes on without it
            log.exception("the live view ended")

    def _open(self) -> None:
        if self._config.view_to is None:
            self._stream.spawn()
        else:
            self._config.view_to.parent.mkdir(parents=True, exist_ok=True)
            self._stream.save(self._config.view_to)

    def _show(self, step: Step, episode: int, number: int) -> None:
        stream, rerun = self._stream, self._rerun
        stream.set_time("step", sequence=self.shown)
        for name, value in step.observation.items():
            stream.log(name, self._picture(value) if value.ndim == 3 else rerun.Scalars(value))
        stream.log("action", rerun.Scalars(step.chosen_action))
        stream.log("reward", rerun.Scalars([step.reward]))
        stream.log("episode", rerun.Scalars([episode]))
        if step.why is not None:
            line = f"episode {episode} ended after {number + 1} steps: {step.why.value}"
            stream.log("endings", rerun.TextLog(line))
        self.shown += 1

    def _picture(self, image: np.ndarray) -> Any:
        return self._rerun.Image(image).compress(jpeg_quality=JPEG_QUALITY)


def _rerun() -> Any:
    try:
        import rerun
    except ImportError:
        cure = "pip install 'rerun-sdk>=0.26' (the extra rerun), or leave out --view"
        raise ConfigError("view", "the library rerun-sdk is not installed here", cure) from None
    return rerun
