"""The one reader of foreign pickles. Nothing in a pickle is executed, and Python's own reader never sees it.

A pickle is a program for a small stack machine: it names functions and calls them. The machine here knows the
opcodes that build texts, numbers and containers; every name leads to a function of this package or to
nothing, and every length, key and memo slot is doubted before memory or time is spent on it.
"""

import io
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, cast

from shared.errors import ConfigError

Rebuild = Callable[..., Any]
Allowed = Mapping[tuple[str, str], Rebuild | str]

CURE = "use the file as its authors publish it, and compare the sha256 with theirs"
MAX_OPCODES = 2_000_000
# What calls may make of a pickle: each byte becomes one of an array, not the same byte thousands.
GROWTH, GROWTH_BYTES = 4, 1 << 20
LARGEST_KEY = 2**60
# Constructors called in other ways than REDUCE, extension codes, buffers outside of the file.
CODE_OPCODES = frozenset({"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"})
_MALFORMED = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)
_MARK = object()


class Damaged(ValueError):
    """A pickle builds what nobody would have written."""


class _Refused(Exception):
    """The pickle names what is neither data nor a container of data."""


class Sealed:
    """What a pickle gets into its hands: it can set no attribute of it, nor reach what stands behind it."""

    def __setstate__(self, state: Any) -> None:
        raise Damaged(f"a state for {type(self).__name__}")

    @property
    def weight(self) -> int:
        """Bytes of memory that it holds."""
        return 0


class Dict(dict[Any, Any]):
    """Stands for an OrderedDict, whose attributes (torch keeps version numbers there) are left out."""

    def __setstate__(self, state: Any) -> None:
        del state


class _Call(Sealed):
    """A function that a pickle may call."""

    def __init__(self, function: Rebuild) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def read_pickle(
    stream: io.BytesIO,
    stage: str,
    allowed: Allowed,
    storage: Callable[[Any], Any] | None = None,
    *,
    cure: str = CURE,
    most_opcodes: int = MAX_OPCODES,
) -> Any:
    """The next pickle of a stream, which is left behind its end.

    Args:
        stream: bytes that someone else wrote.
        stage: names the file or the sender in errors.
        allowed: what (module, name) stands for: a text, or a function that is safe for any arguments.
        storage: resolves persistent ids.
        cure: what errors advise.
        most_opcodes: a longer program is damaged.

    Raises:
        ConfigError: the pickle names what is not allowed, or is damaged.
    """
    machine = _Machine(stream.getbuffer().nbytes, allowed, storage)
    try:
        return machine.run(stream, most_opcodes)
    except _Refused as error:
        cause = f"holds code, not only data: it names {error}; nothing was executed"
        raise ConfigError(stage, cause, cure) from None
    except _MALFORMED as error:
        raise ConfigError(stage, f"is damaged or foreign: {type(error).__name__}: {error}", cure) from None


class _Machine:
    """Runs one program. Handlers are methods `_on_<OPCODE>`; opcodes without one are refused."""

    def __init__(self, size: int, allowed: Allowed, storage: Callable[[Any], Any] | None) -> None:
        self._size = size
        self._allowed = {name: _Call(to) if callable(to) else to for name, to in allowed.items()}
        self._storage = storage
        self._growth_left = GROWTH * size + GROWTH_BYTES
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, stream: io.BytesIO, most_opcodes: int) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= most_opcodes:
                raise Damaged(f"more than {most_opcodes} instructions")
            if opcode.name in PUSHED:
                self._stack.append(argument)
            elif opcode.name in CONSTANTS:
                self._stack.append(CONSTANTS[opcode.name])
            else:
                self._step(opcode.name, argument)
        return self._pop()

    def _step(self, name: str, argument: Any) -> None:
        if name in CODE_OPCODES:
            raise _Refused(f"something by {name}")
        handler = HANDLERS.get(name)
        if handler is None:
            raise Damaged(f"the instruction {name}")
        handler(self, argument)

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise Damaged("a mark where a value should be")
        return value

    def _pop_to_mark(self) -> list[Any]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                values = self._stack[at + 1 :]
                del self._stack[at:]
                return values
        raise Damaged("values without a mark")

    def nothing(self, argument: Any) -> None:
        if isinstance(argument, int) and argument > self._size:
            raise Damaged(f"a frame of {argument} bytes in {self._size}")

    def mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def pop(self, _: Any) -> None:
        self._stack.pop()

    def pop_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def duplicate(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def new_dict(self, _: Any) -> None:
        self._stack.append({})

    def new_list(self, _: Any) -> None:
        self._stack.append([])

    def marked_dict(self, _: Any) -> None:
        items = self._pop_to_mark()
        self._stack.append({})
        self._set(items)

    def marked_list(self, _: Any) -> None:
        self._stack.append(self._pop_to_mark())

    def marked_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def tuple_of_1(self, _: Any) -> None:
        self._stack.append((self._pop(),))

    def tuple_of_2(self, _: Any) -> None:
        second, first = self._pop(), self._pop()
        self._stack.append((first, second))

    def tuple_of_3(self, _: Any) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self._stack.append((first, second, third))

    def append(self, _: Any) -> None:
        self._extend([self._pop()])

    def appends(self, _: Any) -> None:
        self._extend(self._pop_to_mark())

    def set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def set_items(self, _: Any) -> None:
        self._set(self._pop_to_mark())

    def put(self, slot: Any) -> None:
        if int(slot) > self._size:
            raise Damaged(f"memo slot {slot} in {self._size} bytes")
        self._memo[int(slot)] = self._stack[-1]

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, slot: Any) -> None:
        self._stack.append(self._memo[int(slot)])

    def named(self, argument: Any) -> None:
        module, _, name = str(argument).partition(" ")
        self._name(module, name)

    def stack_named(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        self._name(module, name)

    def reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, _Call) or not isinstance(arguments, tuple):
            raise Damaged(f"a call of {type(function).__name__}")
        self._stack.append(function(*cast("tuple[Any, ...]", arguments)))
        self._charge(self._stack[-1])

    def build(self, _: Any) -> None:
        state = self._pop()
        target = self._stack[-1]
        if not isinstance(target, Sealed | Dict):
            raise Damaged(f"a state for {type(target).__name__}")
        target.__setstate__(state)
        self._charge(target)

    def persistent(self, _: Any) -> None:
        reference = self._pop()
        if self._storage is None:
            raise Damaged("a reference to outside of the file")
        self._stack.append(self._storage(reference))

    def _name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged("a name that is no text")
        try:
            self._stack.append(self._allowed[module, name])
        except KeyError:
            raise _Refused(f"{module[:100]}.{name[:100]}") from None

    def _charge(self, made: Any) -> None:
        if isinstance(made, Sealed):
            self._growth_left -= made.weight
        elif isinstance(made, bytes):
            self._growth_left -= len(made)
        if self._growth_left < 0:
            raise Damaged(f"far more bytes than the {self._size} that came")

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise Damaged(f"elements for {type(target).__name__}")
        cast("list[Any]", target).extend(values)

    def _set(self, items: list[Any]) -> None:
        """Keys are texts and small numbers: what a stranger cannot make collide."""
        target: Any = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise Damaged(f"{len(items)} keys and values for no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not (isinstance(key, str) or (isinstance(key, int) and abs(key) < LARGEST_KEY)):
                raise Damaged(f"a key of {type(key).__name__}")
            target[key] = value


CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
PUSHED = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    }
)
HANDLERS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: machine.nothing(None),
    "FRAME": _Machine.nothing,
    "STOP": lambda machine, _: machine.nothing(None),
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    "EMPTY_DICT": _Machine.new_dict,
    "EMPTY_LIST": _Machine.new_list,
    "DICT": _Machine.marked_dict,
    "LIST": _Machine.marked_list,
    "TUPLE": _Machine.marked_tuple,
    "TUPLE1": _Machine.tuple_of_1,
    "TUPLE2": _Machine.tuple_of_2,
    "TUPLE3": _Machine.tuple_of_3,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.stack_named,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
