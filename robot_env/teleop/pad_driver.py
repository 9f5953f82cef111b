"""A game pad through SDL (pygame), in SDL's standard layout, whatever the pad calls its buttons.

SDL belongs to the thread that this driver runs in. It gets no window: the video driver is SDL's dummy, and
pads are heard in the background.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from robot_env.teleop.attachment import DeviceLost
from shared.clock import Clock

SURROUNDINGS = {
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    "SDL_VIDEODRIVER": "dummy",
    "SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS": "1",
    "SDL_NO_SIGNAL_HANDLERS": "1",
}
MAPPINGS = "SDL_GAMECONTROLLERCONFIG"
"""Where SDL looks for layouts of pads that it does not know."""
TURN_SECONDS = 0.004
FULL = 32_767
STICKS = {
    "leftx": "LEFTX",
    "lefty": "LEFTY",
    "rightx": "RIGHTX",
    "righty": "RIGHTY",
    "lefttrigger": "TRIGGERLEFT",
    "righttrigger": "TRIGGERRIGHT",
}
BUTTONS = {
    "a": "A",
    "b": "B",
    "x": "X",
    "y": "Y",
    "back": "BACK",
    "guide": "GUIDE",
    "start": "START",
    "leftstick": "LEFTSTICK",
    "rightstick": "RIGHTSTICK",
    "leftshoulder": "LEFTSHOULDER",
    "rightshoulder": "RIGHTSHOULDER",
    "dpup": "DPAD_UP",
    "dpdown": "DPAD_DOWN",
    "dpleft": "DPAD_LEFT",
    "dpright": "DPAD_RIGHT",
}
"""SDL's names of controls, as in its mapping strings, and pygame's."""


@dataclass(frozen=True, kw_only=True)
class PadState:
    """What is held now: sticks right and down are positive, 1 is full; triggers 0 to 1."""

    seconds: float
    sticks: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STICKS, 0.0))
    down: frozenset[str] = frozenset()


def pygame_without_window() -> Any:
    """The module, told to need no display and to leave signals alone."""
    for name, value in SURROUNDINGS.items():
        os.environ.setdefault(name, value)
    import pygame

    return pygame


class PadDriver:
    """Opens the first pad whose name fits; passes on what is held and what is pressed (see Attachment)."""

    def __init__(
        self,
        clock: Clock,
        moved: Callable[[PadState], None],
        pressed: Callable[[str], None],
        *,
        name: str = "",
        mapping: str = "",
    ) -> None:
        self._clock, self._moved, self._pressed = clock, moved, pressed
        self._name, self._mapping = name, mapping
        self._pygame = pygame_without_window()
        self._controllers: Any = None
        self._pad: Any = None
        self._instance = -1
        self._sticks = {name: self._number("AXIS", word) for name, word in STICKS.items()}
        self._names = {self._number("BUTTON", word): name for name, word in BUTTONS.items()}

    def open(self) -> str:
        """The first pad that fits."""
        controllers = self._begun()
        self._pygame.event.pump()
        names = {
            number: str(self._pygame.joystick.Joystick(number).get_name())
            for number in range(self._pygame.joystick.get_count())
        }
        fits = [number for number, name in names.items() if self._name.lower() in name.lower()]
        if not fits:
            others = f" that is called {self._name!r}; there is {', '.join(names.values())}" if names else ""
            raise DeviceLost(f"none is plugged in{others} -> plug it in, or switch it on")
        number = next((number for number in fits if controllers.is_controller(number)), None)
        if number is None:
            raise DeviceLost(
                f"SDL does not know the layout of {names[fits[0]]} -> handson demo calibrate --device gamepad"
            )
        self._pad = controllers.Controller(number)
        self._instance = self._pad.as_joystick().get_instance_id()
        self._pygame.event.clear()
        return names[number]

    def turn(self) -> None:
        """What happened since the last turn, and what is held now."""
        for event in self._pygame.event.get():
            if event.type == self._pygame.CONTROLLERBUTTONDOWN and event.instance_id == self._instance:
                self._pressed(self._names.get(event.button, ""))
        if not self._pad.attached():
            raise DeviceLost("it was unplugged, or its battery is empty -> plug it in again")
        self._moved(self._state())
        time.sleep(TURN_SECONDS)

    def close(self) -> None:
        """Nothing moves and nothing is pressed any more."""
        if self._pad is not None:
            self._pad.quit()
            self._pad = None
        self._moved(PadState(seconds=self._clock.now()))

    def end(self) -> None:
        """Let go of SDL."""
        if self._controllers is not None:
            self._controllers.quit()
            self._pygame.joystick.quit()
            self._pygame.display.quit()
            self._controllers = None

    def _begun(self) -> Any:
        """SDL's game controllers, begun once."""
        if self._controllers is None:
            import pygame._sdl2.controller as controllers

            before = os.environ.get(MAPPINGS, "")
            os.environ[MAPPINGS] = f"{before}\n{self._mapping}".strip()
            self._pygame.display.init()
            self._pygame.joystick.init()
            controllers.init()
            os.environ[MAPPINGS] = before
            self._controllers = controllers
        return self._controllers

    def _number(self, kind: str, word: str) -> int:
        return int(getattr(self._pygame, f"CONTROLLER_{kind}_{word}"))

    def _state(self) -> PadState:
        return PadState(
            seconds=self._clock.now(),
            sticks={name: self._pad.get_axis(axis) / FULL for name, axis in self._sticks.items()},
            down=frozenset(name for button, name in self._names.items() if self._pad.get_button(button)),
        )
