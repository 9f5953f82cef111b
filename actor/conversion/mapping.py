"""Which entry of a file becomes which of ours: TARGET=SOURCE, TARGET=SOURCE[FROM:TO] for part of a vector."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.trail import Trail
from robot_env.families import nearest
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, ObservationEntry

STAGE = "mapping observations"
Column = Callable[[Trail], NDArray[Any]]
_RULE = re.compile(r"(?P<target>[^=\[\]]+)=(?P<source>[^=\[\]]+)(?:\[(?P<begin>\d+):(?P<end>\d+)\])?")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One entry of ours, from one of the file's; `part` is the range of a vector's elements, None for all."""

    target: str
    source: str
    part: tuple[int, int] | None = None

    def entry(self, found: InterfaceSpec) -> ObservationEntry:
        """What it makes of the entries that were found; raises ConfigError where there is no such source."""
        entries = {entry.name: entry for entry in found.observations}
        if self.source not in entries:
            raise ConfigError(STAGE, f"the file has no {self.source!r}", nearest(self.source, entries))
        entry = replace(entries[self.source], name=self.target)
        if self.part is None:
            return entry
        begin, end = self.part
        if entry.is_image or not begin < end <= entry.shape[0]:
            cause = f"{self.source!r} is {entry.dtype}{list(entry.shape)}: it has no part [{begin}:{end}]"
            raise ConfigError(STAGE, cause, "give elements of a vector, as in state[4:7]")
        return replace(entry, shape=(end - begin,), offset=(), scale=())

    def __call__(self, trail: Trail) -> NDArray[Any]:
        """Its values, (T or T + 1, ...)."""
        column = trail.column(self.source)
        return column if self.part is None else np.ascontiguousarray(column[:, slice(*self.part)])


def parse_rules(texts: Sequence[str]) -> tuple[Rule, ...]:
    """The rules as they are typed; raises ConfigError for what is none, or two for one target."""
    rules: dict[str, Rule] = {}
    for text in texts:
        if (found := _RULE.fullmatch(text)) is None:
            cure = "write TARGET=SOURCE or TARGET=SOURCE[FROM:TO], as in front/image=wrist_1"
            raise ConfigError(STAGE, f"{text!r} is no rule", cure)
        target, begin = found["target"], found["begin"]
        if target in rules:
            raise ConfigError(STAGE, f"{target!r} is given twice", "give one rule for each entry of ours")
        part = None if begin is None else (int(begin), int(found["end"]))
        rules[target] = Rule(target=target, source=found["source"], part=part)
    return tuple(rules.values())


def renamed(found: InterfaceSpec, rules: Sequence[Rule], account: Account) -> InterfaceSpec:
    """The interface of a file by these rules; entries that no rule names stay as they are."""
    used = {rule.source for rule in rules}
    stay = tuple(entry for entry in found.observations if entry.name not in used)
    made = tuple(rule.entry(found) for rule in rules)
    _report_parts(found, rules, account)
    return replace(found, observations=(*made, *stay))


def columns_for(
    target: InterfaceSpec,
    found: InterfaceSpec,
    rules: Sequence[Rule],
    known: dict[str, Column],
    account: Account,
) -> dict[str, Column]:
    """How each entry of the target comes about: by a rule, by its name, or as the format's layout is known.

    Raises:
        ConfigError: naming what cannot be had, and what there is.
    """
    names = {entry.name for entry in found.observations}
    columns: dict[str, Column] = {name: Rule(target=name, source=name) for name in names} | known
    columns |= {rule.target: rule for rule in rules}
    lacking = [entry.name for entry in target.observations if entry.name not in columns]
    if lacking:
        raise ConfigError(
            STAGE,
            f"nothing in the file is known to be {', '.join(lacking)}; it has {', '.join(sorted(names))}",
            f"say what is: --map '{lacking[0]}={sorted(names)[0]}'; or leave --task and --like out",
        )
    chosen = {entry.name: columns[entry.name] for entry in target.observations}
    sources = {column.source for column in chosen.values() if isinstance(column, Rule)}
    derived = any(not isinstance(column, Rule) for column in chosen.values())
    for name in sorted(names - sources):
        if not (derived and name == "state"):
            account.say("left out", f"observation {name!r}: the interface has no place for it")
    return chosen


def _report_parts(found: InterfaceSpec, rules: Sequence[Rule], account: Account) -> None:
    for entry in found.observations:
        parts = [rule.part for rule in rules if rule.source == entry.name]
        if not parts or None in parts:
            continue
        covered = {index for part in parts if part is not None for index in range(*part)}
        if gone := sorted(set(range(entry.shape[0])) - covered):
            account.say("left out", f"elements {gone} of {entry.name!r}: no rule names them")
