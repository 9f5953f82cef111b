"""What a pickle may get into its hands: functions of this package, and what they make."""

from collections.abc import Callable, Mapping
from typing import Any

Rebuild = Callable[..., Any]
Allowed = Mapping[tuple[str, str], Rebuild | str]

MOST_ARGUMENTS = 16


class Damaged(ValueError):
    """A pickle builds what nobody would have written."""


class Refused(Exception):
    """The pickle names what is neither data nor a container of data."""


class Sealed:
    """What a pickle gets into its hands: it can set no attribute of it, nor reach what stands behind it."""

    def __setstate__(self, state: Any) -> None:
        raise Damaged(f"a state for {type(self).__name__}")

    @property
    def weight(self) -> int:
        """Bytes of memory that it holds."""
        return 0

    @property
    def parts(self) -> tuple[Any, ...]:
        """What the pickle put into it, where that may be anything."""
        return ()


class Dict(dict[Any, Any]):
    """Stands for an OrderedDict, whose attributes (torch keeps version numbers there) are left out."""

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        del state


class Call(Sealed):
    """A function that a pickle may call."""

    def __init__(self, function: Rebuild) -> None:
        self._function = function

    def __call__(self, arguments: tuple[Any, ...]) -> Any:
        """What it makes of a few arguments: handing over many, many times, would take for ever."""
        if len(arguments) > MOST_ARGUMENTS:
            raise Damaged(f"a call with {len(arguments)} arguments")
        return self._function(*arguments)
