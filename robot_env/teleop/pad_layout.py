"""The layout of a game pad that SDL does not know: which of its raw controls is which, as SDL writes it.

A mapping string, GUID,name,leftx:a0,lefty:a1~,a:b0,dpup:h0.1,platform:Linux, as SDL_GameControllerAddMapping
reads it: a is an axis (with ~ the other way round), b a button, h a hat with its direction.
"""

import sys
from dataclasses import dataclass, field
from typing import Any

from robot_env.teleop.attachment import DeviceLost
from robot_env.teleop.pad_driver import pygame_without_window

CLEAR = 0.6
"""How far an axis has to go from where it rests to be what is meant."""
HATS = {(0, 1): 1, (1, 0): 2, (0, -1): 4, (-1, 0): 8}
PLATFORMS = {"linux": "Linux", "darwin": "Mac OS X", "win32": "Windows"}


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a pad tells without a layout."""

    axes: tuple[float, ...] = ()
    buttons: tuple[bool, ...] = ()
    hats: tuple[tuple[int, int], ...] = field(default=())

    def moved(self, rest: "Raw", *, wants: str) -> str:
        """The control that is moved most clearly now, as SDL writes it; "" where none is.

        Args:
            rest: what it told when nobody touched it.
            wants: "axis" takes axes first, "button" takes buttons and hats first.
        """
        steps = [now - then for now, then in zip(self.axes, rest.axes, strict=True)]
        farthest = max(range(len(steps)), key=lambda number: abs(steps[number]), default=-1)
        axis = ""
        if farthest >= 0 and abs(steps[farthest]) > CLEAR:
            axis = f"a{farthest}" + ("~" if steps[farthest] < 0 else "")
        pressed = next((f"b{n}" for n, down in enumerate(self.buttons) if down and not rest.buttons[n]), "")
        hat = next((f"h{n}.{HATS[way]}" for n, way in enumerate(self.hats) if way in HATS), "")
        return axis or pressed or hat if wants == "axis" else pressed or hat or axis


class RawPad:
    """The first pad that is plugged in, without a layout; for one thread."""

    def __init__(self) -> None:
        self._pygame: Any = pygame_without_window()
        self._pygame.display.init()
        self._pygame.joystick.init()
        self._pygame.event.pump()
        if not self._pygame.joystick.get_count():
            self.close()
            raise DeviceLost("no game pad is plugged in -> plug it in, or switch it on")
        self._stick = self._pygame.joystick.Joystick(0)

    @property
    def name(self) -> str:
        """What it calls itself."""
        return str(self._stick.get_name())

    def read(self) -> Raw:
        """What it tells now."""
        self._pygame.event.pump()
        stick = self._stick
        return Raw(
            axes=tuple(stick.get_axis(n) for n in range(stick.get_numaxes())),
            buttons=tuple(bool(stick.get_button(n)) for n in range(stick.get_numbuttons())),
            hats=tuple(stick.get_hat(n) for n in range(stick.get_numhats())),
        )

    def mapping(self, controls: dict[str, str]) -> str:
        """SDL's mapping string, from SDL's names of controls to what `Raw.moved` said of each."""
        parts = [f"{name}:{control}" for name, control in controls.items()]
        name, platform = self.name.replace(",", " "), PLATFORMS.get(sys.platform, "Linux")
        return ",".join([self._stick.get_guid(), name, *parts, f"platform:{platform}", ""])

    def close(self) -> None:
        """Let go of SDL; harmless twice."""
        self._pygame.joystick.quit()
        self._pygame.display.quit()
