"""No setting is nan or infinite by accident: such a value passes most range checks and spoils a run later."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

from shared.errors import ConfigError


def require_finite(config: object, base: object, stage: str) -> None:
    """Refuse a float that is not finite, unless its default is not either.

    Args:
        config: a dataclass, of settings or of other such dataclasses.
        base: where it started from, None for the defaults of its fields.

    Raises:
        ConfigError: naming the key.
    """
    for key, value in _not_finite(config, base, ()):
        raise ConfigError(stage, f"{key} is {value}", "give a finite number")


def default_of(field: "dataclasses.Field[Any]") -> object:
    """The field's default, `dataclasses.MISSING` without one."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _not_finite(value: object, base: object, where: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        if not math.isfinite(value) and not (isinstance(base, float) and not math.isfinite(base)):
            yield ".".join(where), value
        return
    for name, item, default in _parts(value, base):
        yield from _not_finite(item, default, (*where, name))


def _parts(value: object, base: object) -> Iterator[tuple[str, object, object]]:
    """(name, value, default) of what this setting consists of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            known = getattr(base, field.name) if type(base) is type(value) else default_of(field)
            yield field.name, getattr(value, field.name), known
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, object]", value).items():
            yield key, item, None
    elif isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            yield str(index), item, None
