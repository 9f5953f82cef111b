import dataclasses
from pathlib import Path

import pytest

from deploy.configuration_reference import ROLES, field_docs, page
from robot_env.families import resolve
from robot_env.teleop import TELEOP

DEVICES = [resolve("teleop device", TELEOP, name) for name in TELEOP]


def test_the_page_is_current(repository: Path):
    assert (repository / "docs/configuration.md").read_text() == page(), "make docs brings it up to date"


def nested(kind: type) -> list[type]:
    found = [kind]
    for field in dataclasses.fields(kind):
        default = (
            field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        )
        if dataclasses.is_dataclass(default):
            found += nested(type(default))
    return found


@pytest.mark.parametrize(
    "kind",
    sorted({k for kind in (*ROLES.values(), *DEVICES) for k in nested(kind)}, key=lambda k: k.__name__),
)
def test_every_setting_says_what_it_is(kind: type):
    documented = field_docs(kind)
    undocumented = [
        f.name
        for f in dataclasses.fields(kind)
        if f.init and not documented.get(f.name) and not dataclasses.is_dataclass(f.type)
    ]
    assert not undocumented
