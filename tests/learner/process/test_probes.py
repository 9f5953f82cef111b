import jax
import numpy as np
import pytest

from learner.agents.sac import SAC
from learner.probes import PROBES, Prober, Probes, probe_observations
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.acting import make_select_action
from shared.policy.parameters import flatten
from shared.policy.spec import PolicySpec
from shared.policy.vision import VisionConfig


@pytest.mark.parametrize(
    ("trunk", "shape", "dtype"),
    [("small", (2, 32, 32, 3), "uint8"), ("efficientnet_lite0_frozen", (2, 40, 4, 4), "float32")],
)
def test_probe_observations_follow_from_the_spec_alone(trunk, shape, dtype):
    interface = InterfaceSpec(
        name="mixed",
        observations=(
            ObservationEntry(name="p", shape=(3,), dtype="float32", low=-1, high=1, offset=(5.0,) * 3),
            ObservationEntry(name="camera", shape=(32, 32, 3), dtype="uint8"),
        ),
        actions=(ActionEntry(name="a", low=(-1.0,), high=(1.0,), unit="m"),),
        control_hz=10.0,
    )
    spec = PolicySpec(interface=interface, vision=VisionConfig(trunk=trunk, frame_stack=2))
    first, second = probe_observations(spec), probe_observations(spec)
    assert (first["p"].shape, first["p"].dtype) == ((PROBES, 3), np.float32)
    assert (first["camera"].shape, first["camera"].dtype) == ((PROBES, *shape), np.dtype(dtype))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
    assert first["p"].max() <= 1


def test_probes_survive_the_file_and_cost_one_trace(interface, small_agent):
    agent = SAC(small_agent, interface)
    select = make_select_action(agent.policy_spec)
    prober = Prober(select)
    probes = [prober.probe(flatten(agent.init(jax.random.key(seed)).policy)) for seed in (0, 1)]
    assert select.traces == 1
    assert probes[0].actions.shape == (PROBES, 2)
    assert not np.allclose(probes[0].actions, probes[1].actions)
    back = Probes.from_arrays(probes[0].to_arrays())
    np.testing.assert_array_equal(back.actions, probes[0].actions)
    assert list(back.observations) == ["position"]
