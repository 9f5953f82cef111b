"""pyrealsense2, importable where libusb is not installed: its wheel expects libusb-1.0.so.0 on the system."""

import ctypes
import functools
from typing import Any


@functools.cache
def librealsense() -> Any:
    """The module; the package libusb_package brings the library that it is linked against."""
    import libusb_package

    path = libusb_package.get_library_path()
    if path is not None:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    import pyrealsense2

    return pyrealsense2
