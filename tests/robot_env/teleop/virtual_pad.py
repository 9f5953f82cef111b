"""A game pad that exists only within SDL: the very library that pygame uses, through ctypes."""

import ctypes
from pathlib import Path

GAME_CONTROLLER = 1
AXES, BUTTONS = 6, 15
"""In the order of SDL's standard layout: leftx, lefty, rightx, righty, triggers; a, b, x, y, back, ..."""


def sdl() -> ctypes.CDLL:
    """The SDL that is loaded into this process."""
    loaded = {
        line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libSDL2-2" in line
    }
    library = ctypes.CDLL(sorted(loaded)[0])
    library.SDL_JoystickOpen.restype = ctypes.c_void_p
    library.SDL_JoystickSetVirtualAxis.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int16]
    library.SDL_JoystickSetVirtualButton.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint8]
    library.SDL_JoystickClose.argtypes = [ctypes.c_void_p]
    library.SDL_GetError.restype = ctypes.c_char_p
    return library


class VirtualPad:
    """Plugged in as soon as it is made; SDL's joysticks have to be running."""

    def __init__(self, kind: int = GAME_CONTROLLER) -> None:
        self._sdl = sdl()
        self._index = self._sdl.SDL_JoystickAttachVirtual(kind, AXES, BUTTONS, 0)
        assert self._index >= 0, self._sdl.SDL_GetError()
        self._handle = self._sdl.SDL_JoystickOpen(self._index)
        for trigger in (4, 5) if kind == GAME_CONTROLLER else ():
            self.tilt(trigger, -1.0)

    def tilt(self, axis: int, share: float) -> None:
        self._sdl.SDL_JoystickSetVirtualAxis(self._handle, axis, round(share * 32767))

    def press(self, button: int, down: bool = True) -> None:
        self._sdl.SDL_JoystickSetVirtualButton(self._handle, button, int(down))

    def unplug(self) -> None:
        if self._handle is not None:
            self._sdl.SDL_JoystickDetachVirtual(self._index)
            self._sdl.SDL_JoystickClose(self._handle)
            self._handle = None
