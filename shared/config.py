"""Configuration: TOML files and command lines into frozen dataclasses, strictly.

A configuration is a frozen `kw_only` dataclass beside what it configures; the string that follows a field
becomes its help. It can hold bool, int, float, str, Path, Literal, Enum (by value), tuple, dict with string
keys, `T | None` (written "none") and other such dataclasses. An unknown key is an error that names the
nearest one; a value of another type is never converted, except an integer where a float is asked for.
A float is finite, unless its default is not.
"""

import argparse
import dataclasses
import difflib
import json
import re
import sys
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

from shared.errors import ConfigError
from shared.finite_settings import default_of, require_finite

T = TypeVar("T")

NONE = "none"
WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "Path": "a path",
}
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def parse_command_line(
    cls: type[T],
    argv: Sequence[str],
    *,
    prog: str,
    description: str,
    presets: Mapping[str, T] | None = None,
    base: T | None = None,
) -> T:
    """A `cls` from `--preset NAME`, then `--config FILE.toml`, then one flag a field; later ones win.

    Prints what is wrong and exits with status 2 when anything is; `--help` exits with 0.

    Args:
        cls: a dataclass as this module's docstring describes.
        argv: the arguments after the program's name.
        prog, description: what `--help` prints; the description goes on with `--config` and the presets.
        presets: named starting points; without them there is no `--preset`.
        base: where to start from without `--preset`; the dataclass's own defaults if None.
    """
    import tyro

    try:
        base, flags = _starting_point(cls, argv, presets or {}, base)
        parsed = tyro.cli(
            cls,
            args=flags,
            default=base,
            prog=prog,
            description=f"{description}\n{_sources_help(presets or {})}",
            config=(tyro.conf.EnumChoicesFromValues, tyro.conf.AvoidSubcommands),
        )
        require_finite(parsed, base, "command line")
        return cast(T, parsed)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def load_toml(path: Path, cls: type[T], base: T | None = None) -> T:
    """The configuration in a TOML file; what it does not mention is `base`'s, else the default.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown, missing, of another type or out of range.
    """
    stage = f"configuration {path}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(stage, f"cannot be read: {error.strerror}", "name an existing TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(stage, f"is not TOML: {error}", "see https://toml.io for the notation") from None
    built = _build(cls, table, base, stage, ())
    require_finite(built, base, stage)
    return cast(T, built)


def from_table(
    table: Mapping[str, object], cls: type[T], *, stage: str, section: str, base: T | None = None
) -> T:
    """A `cls` from a table within a TOML file, named `section` in messages; as `load_toml` otherwise."""
    built = _build(cls, dict(table), base, stage, (section,))
    require_finite(built, base, stage)
    return cast(T, built)


def dump_toml(config: object) -> str:
    """TOML text that `load_toml` reads back to an equal configuration."""
    return "\n".join(_table_lines(config, ())).lstrip("\n") + "\n"


def _starting_point(
    cls: type[T], argv: Sequence[str], presets: Mapping[str, T], base: T | None
) -> tuple[T | None, list[str]]:
    sources = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    sources.add_argument("--config", action="append", default=[], type=Path)
    if presets:
        sources.add_argument("--preset")
    try:
        known, flags = sources.parse_known_args(list(argv))
    except argparse.ArgumentError as error:
        raise ConfigError("command line", str(error), "add --help to see what each flag expects") from None
    name = cast("str | None", getattr(known, "preset", None))
    if name is not None and name not in presets:
        raise ConfigError("command line", f"there is no preset {name!r}", suggest(name, presets, "presets"))
    base = base if name is None else presets[name]
    for path in known.config:
        base = load_toml(path, cls, base)
    return base, flags


def _sources_help(presets: Mapping[str, object]) -> str:
    file = "--config FILE.toml reads settings from a file; flags override it."
    return f"--preset {{{','.join(presets)}}} picks the starting point. {file}" if presets else file


def suggest(given: str, valid: typing.Iterable[str], what: str) -> str:
    """A cure for a misspelt name: the nearest valid one first, then all of them."""
    names = sorted(valid)
    nearest = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    guess = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"{guess}{what}: {', '.join(names) or 'none'}"


def _build(cls: type[object], table: object, base: object, stage: str, where: tuple[str, ...]) -> object:
    """An instance of the dataclass `cls` from a TOML table."""
    section = f"[{'.'.join(where)}]" if where else "the top level"
    if not isinstance(table, dict):
        raise ConfigError(stage, f"{section} is not a table", f"write it as a section {section}")
    given = cast("dict[str, object]", table)
    fields = {field.name: field for field in dataclasses.fields(cast(Any, cls)) if field.init}
    for key in given:
        if key not in fields:
            raise ConfigError(stage, f"unknown key {key!r} in {section}", suggest(key, fields, "valid keys"))
    hints = typing.get_type_hints(cls)
    values: dict[str, object] = {}
    for name, field in fields.items():
        known = getattr(base, name) if base is not None else default_of(field)
        if name in given:
            values[name] = _convert(given[name], hints[name], known, stage, (*where, name))
        elif known is dataclasses.MISSING:
            raise ConfigError(stage, f"key {name!r} is missing in {section}", f"add {name} = ...")
        else:
            values[name] = known
    return cls(**values)


def _convert(value: object, hint: Any, base: object, stage: str, where: tuple[str, ...]) -> object:
    """`value` as the type that `hint` asks for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _convert(value, arguments[0], base, stage, where)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, hint, base, stage, where)
    if dataclasses.is_dataclass(hint):
        same = base if type(base) is hint else None
        return _build(cast("type[object]", hint), value, same, stage, where)
    if origin is tuple and isinstance(value, list):
        return _convert_tuple(cast("list[object]", value), hint, stage, where)
    if origin in (dict, Mapping) and isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {k: _convert(v, arguments[1], None, stage, (*where, k)) for k, v in entries.items()}
    if origin is typing.Literal and any(
        value == choice and type(value) is type(choice) for choice in arguments
    ):
        return value
    if isinstance(hint, type) and (converted := _scalar(value, hint)) is not None:
        return converted
    raise ConfigError(stage, f"{'.'.join(where)} is {value!r}", f"it must be {_describe(hint)}")


def _scalar(value: object, hint: type[object]) -> object | None:
    """`value` as a scalar of type `hint`, or None where it is not one."""
    if issubclass(hint, Enum):
        return next((member for member in hint if member.value == value), None)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    return value if hint in (bool, int, float, str) and type(value) is hint else None


def _convert_union(value: object, hint: Any, base: object, stage: str, where: tuple[str, ...]) -> object:
    choices = typing.get_args(hint)
    if type(None) in choices and value == NONE:
        return None
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _convert(value, choice, base, stage, where)
        except ConfigError:
            if len(choices) == 2 and dataclasses.is_dataclass(choice):
                raise
    raise ConfigError(stage, f"{'.'.join(where)} is {value!r}", f"it must be {_describe(hint)}")


def _convert_tuple(value: list[object], hint: Any, stage: str, where: tuple[str, ...]) -> tuple[object, ...]:
    kinds = typing.get_args(hint)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ConfigError(stage, f"{'.'.join(where)} has {len(value)} values", f"give {len(kinds)}")
    return tuple(
        _convert(item, kind, None, stage, (*where, str(index)))
        for index, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def _describe(hint: Any) -> str:
    """What a setting of this type may be, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(f'"{NONE}"' if a is type(None) else _describe(a) for a in arguments)
    if origin is typing.Literal:
        return f"one of {', '.join(repr(choice) for choice in arguments)}"
    if origin is tuple:
        return f"a list of {_describe(arguments[0])}"
    word = WORDS.get(getattr(hint, "__name__", ""))
    if word is None and isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {', '.join(repr(member.value) for member in hint)}"
    return word or repr(cast(object, hint))


def _table_lines(table: object, where: tuple[str, ...]) -> list[str]:
    """A dataclass or dict as TOML: its plain values first, then its tables."""
    if isinstance(table, dict):
        items = cast("dict[str, object]", table)
    else:
        items = {f.name: getattr(table, f.name) for f in dataclasses.fields(cast(Any, table)) if f.init}
    lines = ["", f"[{'.'.join(map(_key, where))}]"] if where else []
    lines += [f"{_key(name)} = {_value(value)}" for name, value in items.items() if not _is_table(value)]
    for name, value in items.items():
        if _is_table(value):
            lines += _table_lines(value, (*where, name))
    return lines


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or dataclasses.is_dataclass(value)


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    match value:
        case None:
            return f'"{NONE}"'
        case bool():
            return "true" if value else "false"
        case Enum():
            return _value(cast(object, value.value))
        case int():
            return str(int(value))
        case float():
            return repr(float(value))
        case str():
            return _text(value)
        case Path():
            return _text(str(value))
        case tuple() | list():
            return f"[{', '.join(map(_value, cast('Sequence[object]', value)))}]"
        case _:
            raise TypeError(f"a configuration cannot hold {value!r}")


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
