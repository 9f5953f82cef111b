"""docs/configuration.md from the configuration dataclasses: `python -m deploy.configuration_reference`."""

import ast
import dataclasses
import inspect
import itertools
import sys
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import tyro

from actor.config import ActorConfig
from actor.conversion.exporting import ExportConfig
from actor.conversion.importing import ImportConfig
from actor.demo import DemoConfig
from actor.evaluating.config import EvalConfig
from actor.label_command import LabelConfig
from deploy.check.config import CheckConfig
from deploy.sim_config import SimConfig
from deploy.sim_tasks import SIM_TASKS
from learner.classifier.config import TrainConfig
from learner.config import PRESETS, LearnerConfig
from robot_env.families import resolve
from robot_env.server.config import RobotServerConfig
from robot_env.teleop import TELEOP
from shared.config import dump_toml

ROLES: dict[str, type[Any]] = {
    "sim": SimConfig,
    "learner": LearnerConfig,
    "actor": ActorConfig,
    "demo": DemoConfig,
    "demo import": ImportConfig,
    "demo export": ExportConfig,
    "eval": EvalConfig,
    "classifier record": LabelConfig,
    "classifier train": TrainConfig,
    "robot": RobotServerConfig,
    "check": CheckConfig,
}
HEAD = """\
# Configuration reference

<!-- Made by `make docs` from the dataclasses; edit those. -->

Every setting of every role. A role takes them, later ones winning, from its defaults, `--preset NAME` (where
it has presets), `--config FILE.toml`, and flags. A key `tau` of the section `[agent.critic]` is the flag
`--agent.critic.tau`; where a section says so, its flags go without the section's name. Words in keys are
joined by `_` in a file and by `-` in a flag. A flag for true or false is `--key` or `--no-key`. An unknown
key is refused with the nearest valid one. What may be left out is `"none"` in a file and `None` in a flag.

A file holds what differs from the defaults:

```toml
seed = 3

[agent.critic]
members = 10
subset = 2
```
"""


TASKS_HEAD = "What each task (`--task`, or `--env`) changes; see `deploy/sim_tasks.py`."
PRESETS_HEAD = (
    "What each preset (`--preset`) changes; see `learner/config.py` and `learner/agents/presets.py`."
)


DEVICES_HEAD = (
    "What `[teleop.NAME]` of a lab file may say of each device; see [teleoperation](teleoperation.md)."
)


class Section(typing.NamedTuple):
    """One dataclass at one place of a role's settings."""

    path: tuple[str, ...]
    kind: type[Any]
    default: Any
    bare_flags: bool


def main(argv: list[str]) -> int:
    """Write the page to the file named, by default docs/configuration.md."""
    path = Path(argv[0] if argv else "docs/configuration.md")
    path.write_text(page(), encoding="utf-8")
    return 0


def page() -> str:
    """The whole page."""
    roles = (line for role, kind in ROLES.items() for line in _role(role, kind))
    tasks = _differences("Tasks of handson sim", TASKS_HEAD, SimConfig(), SIM_TASKS)
    presets = _differences("Presets of handson learner", PRESETS_HEAD, LearnerConfig(), PRESETS)
    return "\n".join([HEAD, *roles, *_devices(), *tasks, *presets])


def _role(role: str, kind: type[Any]) -> Iterator[str]:
    yield f"## handson {role}\n"
    yield f"{_summary(kind)}\n"
    shown: list[Section] = []
    for section in _sections(kind):
        same = next((s for s in shown if (s.kind, s.default) == (section.kind, section.default)), None)
        yield from _section(section, role) if same is None else _again(section, same, role)
        shown.append(section)


def _devices() -> Iterator[str]:
    yield "## Teleop devices of a lab file\n"
    yield f"{DEVICES_HEAD}\n"
    for name in TELEOP:
        for section in _sections(resolve("teleop device", TELEOP, name)):
            yield from _section(section._replace(path=("teleop", name, *section.path)), "a lab file")


def _sections(kind: type[Any]) -> Iterator[Section]:
    """The dataclass itself, then every one nested in it, but for those of another role."""
    default = kind(**{f.name: Path("FILE") for f in dataclasses.fields(kind) if _required(f)})
    queue = [Section(path=(), kind=kind, default=default, bare_flags=False)]
    while queue:
        section = queue.pop(0)
        yield section
        queue[:0] = list(_nested(section))


def _nested(section: Section) -> Iterator[Section]:
    hints = typing.get_type_hints(section.kind, include_extras=True)
    for field in dataclasses.fields(section.kind):
        value = getattr(section.default, field.name)
        if dataclasses.is_dataclass(value) and type(value) not in ROLES.values():
            bare = tyro.conf.OmitArgPrefixes in getattr(hints[field.name], "__metadata__", ())
            yield Section((*section.path, field.name), type(value), value, bare)


def _again(section: Section, same: Section, role: str) -> Iterator[str]:
    yield f"### `[{'.'.join(section.path)}]` of {role}\n"
    yield f"As `[{'.'.join(same.path)}]`.\n"


def _section(section: Section, role: str) -> Iterator[str]:
    if section.path:
        yield f"### `[{'.'.join(section.path)}]` of {role}\n"
        flags = " Flags without the section's name." if section.bare_flags else ""
        yield f"{_summary(section.kind)}{flags}\n"
    documented = field_docs(section.kind)
    hints = typing.get_type_hints(section.kind)
    yield "| key | default | values | meaning |"
    yield "|---|---|---|---|"
    for field in dataclasses.fields(section.kind):
        value = getattr(section.default, field.name)
        if dataclasses.is_dataclass(value):
            continue
        shown = "required" if _required(field) else f"`{_toml(value)}`"
        meaning = documented.get(field.name, "")
        yield f"| `{field.name}` | {shown} | {_values(hints[field.name])} | {_cell(meaning)} |"
    for field in dataclasses.fields(section.kind):
        kind = type(getattr(section.default, field.name))
        if role := next((name for name, known in ROLES.items() if known is kind), ""):
            yield f"\n`[{field.name}]`: {documented[field.name]} See [handson {role}](#handson-{role})."
    yield ""


def _differences(title: str, head: str, base: Any, named: Mapping[str, Any]) -> Iterator[str]:
    """One block of dotted TOML keys for each configuration, holding what is not as in `base`."""
    yield f"## {title}\n"
    yield f"{head}\n"
    usual = dict(_flat(base))
    for name, config in named.items():
        changed = [f"{key} = {value}" for key, value in _flat(config) if usual.get(key) != value]
        yield f"`{name}`:\n" if changed else f"`{name}`: nothing.\n"
        if changed:
            yield "\n".join(["```toml", *changed, "```", ""])


def _flat(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _flat(value, (*path, field.name))
        else:
            yield ".".join((*path, field.name)), _toml(value)


def field_docs(kind: type[Any]) -> dict[str, str]:
    """The string below each field, over the whole inheritance."""
    found: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(cls):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
                found[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found


def _is_text(node: ast.stmt) -> typing.TypeGuard[ast.Expr]:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _summary(kind: type[Any]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


def _toml(value: object) -> str:
    """A value as a TOML file spells it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_toml(each)}' for key, each in value.items())}}}"
    return dump_toml({"x": value}).removeprefix("x = ").strip()


def _values(hint: Any) -> str:
    """What a setting may be, in a word or two."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if a is type(None) else _values(a) for a in arguments)
    if origin is typing.Literal:
        return ", ".join(str(choice) for choice in arguments)
    if origin is tuple:
        return f"list of {_values(arguments[0])}"
    if origin in (dict, Mapping):
        return f"table of {_values(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(str(member.value) for member in hint)
    words = {"bool": "true, false", "int": "whole number", "float": "number", "str": "text", "Path": "path"}
    return words.get(getattr(hint, "__name__", ""), str(hint))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
