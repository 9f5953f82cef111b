"""PolicySpec: the same name for the same network, whoever builds it and whenever."""

from dataclasses import replace

import pytest

from shared.errors import ConfigError
from shared.interface import InterfaceSpec, ObservationEntry
from shared.policy.spec import PolicyConfig, PolicySpec
from shared.policy.vision import VisionConfig

PICTURE = ObservationEntry(name="front/image", shape=(32, 32, 3), dtype="uint8")


@pytest.fixture(scope="module")
def seeing(interface: InterfaceSpec) -> InterfaceSpec:
    return replace(interface, observations=(*interface.observations, PICTURE))


def test_policies_without_pictures_keep_the_fingerprints_from_before_there_were_any(
    interface: InterfaceSpec, spec: PolicySpec
) -> None:
    """As release 0.1 computed them: its snapshots and checkpoints still fit."""
    assert spec.fingerprint == "b0df37bc5aa96520"
    assert PolicySpec(interface=interface).fingerprint == "30b5684c7f42351b"
    assert (
        PolicySpec.of(PolicyConfig(), interface, VisionConfig(), "d" * 64).fingerprint == "30b5684c7f42351b"
    )


def test_another_trunk_or_another_way_to_see_is_another_policy(seeing: InterfaceSpec) -> None:
    specs = [
        PolicySpec.of(PolicyConfig(), seeing, vision, digest)
        for vision in (VisionConfig(), VisionConfig(bottleneck=33), VisionConfig(frame_stack=2))
        for digest in ("", "d" * 64, "e" * 64)
    ]
    assert len({spec.fingerprint for spec in specs}) == 9
    again = PolicySpec.of(PolicyConfig(), seeing, None, "d" * 64)
    assert again == specs[1]
    assert again.fingerprint == specs[1].fingerprint


def test_pictures_need_a_way_to_see_them(seeing: InterfaceSpec) -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)policy.*images \(front/image\).*give the policy a VisionConfig"
    ):
        PolicySpec(interface=seeing)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trunk": "resnet50"}, "trunk is 'resnet50'.*choose one of small, resnet10, resnet10_frozen"),
        ({"pooling": "max"}, "pooling is 'max'.*average, spatial_softmax, spatial_embeddings"),
        ({"embeddings": 0}, "embeddings is 0.*set embeddings to at least 1"),
        ({"bottleneck": 0}, "bottleneck is 0.*at least 1"),
        ({"state_width": 0}, "state_width is 0.*at least 1"),
        ({"frame_stack": 0}, "frame_stack is 0.*at least 1"),
        ({"trunk_stages": 8}, "trunk_stages is 8.*choose 1 to 7"),
        ({"trunk_stages": 0}, "trunk_stages is 0.*choose 1 to 7"),
    ],
)
def test_ways_to_see_that_there_are_not_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s)vision.*{message}"):
        VisionConfig(**wrong)
