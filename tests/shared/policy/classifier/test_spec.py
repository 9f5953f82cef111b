"""A classifier belongs to its cameras: names, sizes, crops."""

import dataclasses

import pytest

from shared.errors import ConfigError, InterfaceMismatch
from shared.interface import CropProfile
from shared.policy.classifier.spec import ClassifierSpec, Views, require_views
from shared.policy.vision import VisionConfig
from tests.learner.classifier.labelled import BLIND, GOOD, interface

CROP = CropProfile(entry=GOOD, version=1, top=4, left=8, height=32, width=32)


def test_cameras_are_chosen_by_entry_or_by_name_in_declared_order() -> None:
    assert Views.of(interface()).names == (GOOD, BLIND)
    assert Views.of(interface(), ("wall", GOOD)).names == (GOOD, BLIND)
    assert Views.of(interface(), ("hand",)).names == (GOOD,)


@pytest.mark.parametrize(
    ("spec", "names", "named"), [(interface(), ("wirst",), GOOD), (interface(names=()), (), "front")]
)
def test_a_camera_that_is_not_there_is_refused_with_those_that_are(spec, names, named) -> None:
    with pytest.raises(ConfigError, match=named):
        Views.of(spec, names)


@pytest.mark.parametrize(
    "other",
    [
        interface(size=32),
        interface(names=("hand2/image", BLIND)),
        interface(crop=CROP),
        interface(crop=dataclasses.replace(CROP, left=9)),
        interface(names=()),
    ],
)
def test_other_cameras_sizes_and_crops_are_refused_with_both_sides_printed(other) -> None:
    mine = Views.of(interface(crop=dataclasses.replace(CROP, version=2)))
    with pytest.raises(InterfaceMismatch) as refused:
        require_views(mine, other, "door.classifier")
    assert mine.describe() in refused.value.cause
    shown = Views.of(other).describe() if len(other.observations) > 1 else "no cameras"
    assert shown in refused.value.cause


def test_cameras_that_it_does_not_look_through_do_not_matter() -> None:
    mine = Views.of(interface(), ("hand",))
    require_views(mine, interface(names=(BLIND, GOOD)), "door.classifier")


def spec(**settings) -> ClassifierSpec:
    return ClassifierSpec(
        **({"views": Views.of(interface()), "vision": VisionConfig(), "trunk_digest": "0"} | settings)
    )


def test_classes_are_found_by_name_and_the_last_is_success() -> None:
    three = spec(classes=("no", "grasped", "placed"))
    assert [three.number(name) for name in ("", "no", "grasped")] == [2, 0, 1]
    with pytest.raises(ConfigError, match="no, grasped, placed"):
        three.number("graspd")


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ("one",)},
        {"classes": ("a", "a")},
        {"classes": tuple("abcdefghijk")},
        {"members": 0},
        {"hidden": 0},
        {"vision": VisionConfig(trunk="small")},
        {"vision": VisionConfig(frame_stack=2)},
    ],
)
def test_what_makes_no_network_is_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        spec(**wrong)
