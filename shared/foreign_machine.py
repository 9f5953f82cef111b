"""The stack machine that pickles are programs for, with those instructions alone that build data."""

from collections.abc import Callable, Iterable, Mapping
from pickletools import OpcodeInfo
from typing import Any, cast

from shared.foreign_objects import Allowed, Call, Damaged, Dict, Refused, Sealed

# What calls may make of a pickle: each byte becomes one of an array, not the same byte thousands.
GROWTH, GROWTH_BYTES = 4, 1 << 20
LARGEST_KEY, LONGEST_KEY = 2**60, 1024
# Constructors called in other ways than REDUCE, extension codes, buffers outside of the file.
CODE_OPCODES = frozenset({"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"})
_MARK = object()


class Machine:
    """Runs one program. Handlers are methods `_on_<OPCODE>`; opcodes without one are refused."""

    def __init__(self, size: int, allowed: Allowed, storage: Callable[[Any], Any] | None) -> None:
        self._size = size
        self._allowed = {name: Call(to) if callable(to) else to for name, to in allowed.items()}
        self._storage = storage
        self._growth_left = GROWTH * size + GROWTH_BYTES
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, program: Iterable[tuple[OpcodeInfo, Any, int | None]], most_opcodes: int) -> Any:
        """What is built at its end.

        Raises:
            Damaged, Refused, or what Python says of values that are none: it is no program of a pickler.
        """
        for count, (opcode, argument, _) in enumerate(program):
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
            raise Refused(f"something by {name}")
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
        if not isinstance(function, Call) or not isinstance(arguments, tuple):
            raise Damaged(f"a call of {type(function).__name__}")
        self._stack.append(function(cast("tuple[Any, ...]", arguments)))
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
            raise Refused(f"{module[:100]}.{name[:100]}") from None

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
        """Keys are short texts and small numbers: quick to compare, and no stranger makes them collide."""
        target: Any = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise Damaged(f"{len(items)} keys and values for no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not (_is_short(key) or (isinstance(key, int) and abs(key) < LARGEST_KEY)):
                raise Damaged(f"a key of {type(key).__name__}, or a long one")
            target[key] = value


def _is_short(key: Any) -> bool:
    return isinstance(key, str) and len(key) <= LONGEST_KEY


CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
PUSHED = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    }
)
HANDLERS: Mapping[str, Callable[[Machine, Any], None]] = {
    "PROTO": lambda machine, _: machine.nothing(None),
    "FRAME": Machine.nothing,
    "STOP": lambda machine, _: machine.nothing(None),
    "MARK": Machine.mark,
    "POP": Machine.pop,
    "POP_MARK": Machine.pop_mark,
    "DUP": Machine.duplicate,
    "EMPTY_DICT": Machine.new_dict,
    "EMPTY_LIST": Machine.new_list,
    "DICT": Machine.marked_dict,
    "LIST": Machine.marked_list,
    "TUPLE": Machine.marked_tuple,
    "TUPLE1": Machine.tuple_of_1,
    "TUPLE2": Machine.tuple_of_2,
    "TUPLE3": Machine.tuple_of_3,
    "APPEND": Machine.append,
    "APPENDS": Machine.appends,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "PUT": Machine.put,
    "BINPUT": Machine.put,
    "LONG_BINPUT": Machine.put,
    "MEMOIZE": Machine.memoize,
    "GET": Machine.get,
    "BINGET": Machine.get,
    "LONG_BINGET": Machine.get,
    "GLOBAL": Machine.named,
    "STACK_GLOBAL": Machine.stack_named,
    "REDUCE": Machine.reduce,
    "BUILD": Machine.build,
    "BINPERSID": Machine.persistent,
}
