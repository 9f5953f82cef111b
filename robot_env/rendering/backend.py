"""Which OpenGL this machine can draw with, decided before MuJoCo is first imported.

MuJoCo reads MUJOCO_GL once, while it is imported, and without a display its own default fails. So whatever
imports MuJoCo in this package calls `choose_backend` first. Where no GPU draws, Mesa is told to draw in the
calling thread: threads of its own wait for cores that learning keeps busy. Values set by the user are kept.
"""

import ctypes
import logging
import os
import sys
from typing import Literal

log = logging.getLogger(__name__)

Backend = Literal["egl", "osmesa", "disable"]
VARIABLE = "MUJOCO_GL"
MESA_THREADS = "LP_NUM_THREADS"
DISABLED = "disable"
EGL_LIBRARY = "libEGL.so.1"
OSMESA_LIBRARIES = ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")


def choose_backend() -> str:
    """Set MUJOCO_GL to EGL where it has a device, else to OSMesa, else to none; returns what holds."""
    os.environ.setdefault(MESA_THREADS, "0")
    if not os.environ.get(VARIABLE) and sys.platform == "linux":
        os.environ[VARIABLE] = best_backend()
        log.debug("%s=%s", VARIABLE, os.environ[VARIABLE])
    return os.environ.get(VARIABLE, "")


def best_backend() -> Backend:
    """The first of EGL and OSMesa that this machine has."""
    if _egl_devices() > 0:
        return "egl"
    return "osmesa" if any(_load(name) for name in OSMESA_LIBRARIES) else "disable"


def _egl_devices() -> int:
    egl = _load(EGL_LIBRARY)
    if egl is None:
        return 0
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    address = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    if not address:
        return 0
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))(
        address
    )
    count = ctypes.c_int(0)
    return count.value if query(0, None, ctypes.byref(count)) else 0


def _load(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
