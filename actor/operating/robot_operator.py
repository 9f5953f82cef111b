"""Operator: what the person at the keys wants. Keys come in on any thread; the control thread asks.

| key | meaning |
|---|---|
| p | pause: the arm is held at a fixed pose; p again goes on |
| a | end this episode; what was recorded of it stays |
| r | the scene is ready, where the robot waits for it |
| s, f | success, failure: ends the episode, where the operator judges |
| c | consent: the person has looked at an arm that stopped, and it may be recovered |
| q | end after this step |
| ? | what the keys do |

A process may bind more of them (n: that was no success, where a classifier judges). Other keys go to the
teleop device that takes keys, where there is one. While a device is lost that drives alone, the arm is held.

All waiting happens here, right after a step or a reset: `idle` is called over and over meanwhile, to hold the
arm and to look after what else may end the wait.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from rich.console import RenderableType

from actor.stop import StopSignal
from robot_env.teleop.base import PressesKeys, TakesKeys, TeleopDevice
from shared.step import Why

log = logging.getLogger(__name__)

TURN_SECONDS = 0.1
"""How often `idle` is called: a held arm hears of it within three control periods at 10 Hz."""
HELP = "p pause or go on | a end the episode | r scene ready | s success | f failure | c recover | q end | ?"

Idle = Callable[[], None]
Label = Callable[[bool], None]


class Operator:
    """One person, or nobody: without keys it never asks for anything.

    Args:
        stop: ended by q.
        label: takes success and failure; None where somebody else judges.
        wait_for_scene: whether each episode waits for r.
        tell: shows a line to the person.
        ring: makes a sound by its name: attention, success, failure, takeover, release.

    Attributes:
        describe: what else there is to say in one line about what goes on.
        board: what stands above that line, for `rich`; None where nothing does.
        present: whether somebody can press keys at all.
    """

    def __init__(
        self,
        stop: StopSignal,
        *,
        label: Label | None = None,
        wait_for_scene: bool = False,
        tell: Callable[[str], None] = log.info,
        ring: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._stop, self._label, self._tell, self._ring = stop, label, tell, ring
        self.describe: Callable[[], str] = str
        self.board: Callable[[], RenderableType] | None = None
        self.present = False
        self._wait_for_scene = wait_for_scene
        self._takes_keys: TakesKeys | None = None
        self._device: TeleopDevice | None = None
        self._drives_alone = False
        self._bound: dict[str, Callable[[], None]] = {}
        self._help = HELP
        self._changed = threading.Event()
        self._paused = self._aborted = self._wants_scene = self._consents = self._drives = False
        self._scene_is_due = False

    @property
    def mode(self) -> str:
        """What goes on, in a word or two."""
        if self._paused:
            return "paused"
        if self._wants_scene:
            return "waiting for the scene: press r"
        if self._misses_device():
            return f"held: {self._lost()}"
        return ", ".join(filter(None, ["taken over" if self._drives else "acting", self._lost()]))

    def accompany(self, device: TeleopDevice | None, *, alone: bool = False) -> None:
        """Go on with a teleop device: it gets the keys that mean nothing here, and may press the others.

        Args:
            device: None where there is none.
            alone: nobody else drives: while it is lost nothing is stepped.
        """
        self._device, self._drives_alone = device, alone
        if isinstance(device, TakesKeys):
            self._takes_keys = device
        if isinstance(device, PressesKeys):
            device.listen(self.press)
            self.present = True

    def tell(self, line: str) -> None:
        """Show a line to the person."""
        self._tell(line)

    def bind(self, keys: Mapping[str, Callable[[], None]], meaning: str) -> None:
        """More keys, for what only this process does; they are called on the thread that hears them."""
        self._bound.update(keys)
        self._help = f"{self._help} | {meaning}"

    def press(self, key: str) -> None:
        """A key by its name; any thread."""
        match key:
            case "p":
                self._paused = not self._paused
                self._tell("paused: the arm is held" if self._paused else "going on")
            case "a":
                self._aborted = True
                self._tell("ending the episode")
            case "r":
                self._wants_scene = False
            case "c":
                self._consents = True
            case "q":
                self._stop.hurry("the operator ended it")
            case "s" | "f":
                self._judge(key == "s")
            case "?" | "h":
                theirs = "" if self._takes_keys is None else f"\n{self._takes_keys.keys}"
                self._tell(f"{self._help}{theirs}")
            case _ if key in self._bound:
                self._bound[key]()
            case _:
                if self._takes_keys is not None:
                    self._takes_keys.press(key)
                return
        self._changed.set()

    def drive(self, drives: bool) -> None:
        """Somebody took over from the policy, or let go."""
        self._drives = drives
        self._ring("takeover" if drives else "release")

    def call(self, cause: str) -> None:
        """Something needs a person: say what. A consent from before this moment is forgotten."""
        self._consents = False
        self._tell(cause)
        self._ring("attention")

    def consented(self) -> bool:
        """Whether the person has looked at the arm since `call` and lets it be recovered; once."""
        consents, self._consents = self._consents, False
        return consents

    def between_episodes(self, idle: Idle) -> None:
        """Wait while paused, or without the device that drives; who drove the last episode drives no more."""
        self._drives = False
        self._wait(lambda: self._paused or self._misses_device(), idle)

    def want_scene(self, cause: str) -> None:
        """The scene needs a person: the next episode waits for r, where somebody can press it."""
        self.call(cause)
        self._scene_is_due = self.present

    def begun(self, idle: Idle) -> Why | None:
        """After a reset: wait for the scene where that is asked for; why not to begin, or None.

        To end an episode that has ended by itself is to end none: that is forgotten.
        """
        self._aborted = False
        if self._wait_for_scene or self._scene_is_due:
            self._wants_scene, self._scene_is_due = True, False
            self._ring("attention")
        return self._decide(idle)

    def after_step(self, idle: Idle) -> Why | None:
        """Wait as between episodes; why to end the episode with this step, or None."""
        return self._decide(idle)

    def _decide(self, idle: Idle) -> Why | None:
        if self._misses_device():
            self._ring("attention")
        self._wait(lambda: self._must_wait() and not self._aborted, idle)
        aborted, self._aborted, self._wants_scene = self._aborted, False, False
        return Why.OPERATOR_ABORT if aborted else None

    def _must_wait(self) -> bool:
        return self._paused or self._wants_scene or self._misses_device()

    def _misses_device(self) -> bool:
        return self._drives_alone and bool(self._lost())

    def _lost(self) -> str:
        return self._device.lost if self._device is not None else ""

    def _wait(self, waiting: Callable[[], bool], idle: Idle) -> None:
        while waiting() and self._stop.cause is None:
            self._changed.clear()
            idle()
            self._changed.wait(TURN_SECONDS)

    def _judge(self, success: bool) -> None:
        if self._label is None:
            self._tell("the task judges itself here; --reward operator lets you do it")
            return
        self._label(success)
        self._ring("success" if success else "failure")
