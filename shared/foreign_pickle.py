"""The one reader of foreign pickles. Nothing in a pickle is executed, and Python's own reader never sees it.

A pickle is a program for a small stack machine: it names functions and calls them. `foreign_machine` knows
the opcodes that build texts, numbers and containers; every name leads to a function of this package or to
nothing, and every length, key and memo slot is doubted before memory or time is spent on it. What comes out
is no larger, counted wherever it is named, than a pickle of that length may be (`foreign_weight`).
"""

import io
import pickletools
from collections.abc import Callable
from typing import Any

from shared.errors import ConfigError
from shared.foreign_machine import Machine
from shared.foreign_objects import Allowed, Refused
from shared.foreign_weight import require_proportionate

CURE = "use the file as its authors publish it, and compare the sha256 with theirs"
MAX_OPCODES = 2_000_000
LONGEST_CAUSE = 200
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
        most_opcodes: a longer program is damaged, or what it says is far more than it brought.

    Raises:
        ConfigError: the pickle names what is not allowed, is damaged, or says far more than came.
    """
    size = stream.getbuffer().nbytes
    try:
        tree = Machine(size, allowed, storage).run(pickletools.genops(stream), most_opcodes)
        require_proportionate(tree, size)
        return tree
    except Refused as error:
        cause = f"holds code, not only data: it names {error}; nothing was executed"
        raise ConfigError(stage, cause, cure) from None
    except _MALFORMED as error:
        cause = f"is damaged or foreign: {type(error).__name__}: {error!s:.{LONGEST_CAUSE}}"
        raise ConfigError(stage, cause, cure) from None
