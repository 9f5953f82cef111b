"""What the policy sees of the cameras: each frame once, the newest last, nothing of the episode before."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.sight import Sight
from actor.trunks import Trunks
from shared.errors import CheckpointError
from shared.interface import InterfaceSpec, ObservationEntry
from shared.policy.acting import make_select_action
from shared.policy.snapshot import PolicySnapshot
from shared.policy.trunks.weights import TrunkWeights, load_trunk
from shared.policy.vision import VisionConfig

CAMERAS = ("front/image", "wrist/image")
FROZEN = VisionConfig(trunk_stages=1, bottleneck=8, embeddings=2, state_width=4)
TRAINED = VisionConfig(trunk="small", bottleneck=8, embeddings=2, state_width=4, frame_stack=3)


class Eyes:
    """Stands for SelectAction: the map of a frame is its mean, and frames are counted."""

    def __init__(self, frame_stack: int) -> None:
        self.spec = SimpleNamespace(vision=VisionConfig(frame_stack=frame_stack))
        self.frames = 0

    def encode(self, params: Any, frames: Any, trunk: Any) -> dict[str, np.ndarray]:
        self.frames += 1
        return {name: np.full((1, 1, 1), params["gain"] * frames[name].mean()) for name in CAMERAS}


def look(number: int) -> dict[str, np.ndarray]:
    front, wrist = (np.full((2, 2, 3), value, np.uint8) for value in (number, number + 100))
    return {"front/image": front, "wrist/image": wrist, "state": np.ones(1, np.float32)}


def seen(sight: Sight, number: int, camera: str = CAMERAS[0], gain: float = 1.0) -> list[float]:
    stack = sight.see({"gain": gain}, look(number))[camera]
    assert stack.shape[1:] == (1, 1, 1)
    return stack.ravel().tolist()


class TestStacks:
    def test_the_newest_is_last_and_the_first_frame_fills_the_stack(self) -> None:
        sight = Sight(Eyes(3), None)
        assert [seen(sight, n) for n in (1, 2, 3, 4)] == [[1, 1, 1], [1, 1, 2], [1, 2, 3], [2, 3, 4]]

    def test_each_frame_is_encoded_once_and_each_camera_has_its_own(self) -> None:
        eyes = Eyes(2)
        sight = Sight(eyes, None)
        seen(sight, 1)
        assert seen(sight, 2, CAMERAS[1]) == [101, 102]
        assert eyes.frames == 2

    @pytest.mark.parametrize("length", [1, 3])
    def test_an_episode_sees_nothing_of_the_one_before(self, length: int) -> None:
        sight = Sight(Eyes(length), None)
        seen(sight, 1)
        sight.begin()
        assert seen(sight, 5) == [5] * length

    def test_what_was_seen_outlives_a_change_of_parameters(self) -> None:
        sight = Sight(Eyes(2), None)
        seen(sight, 1)
        assert seen(sight, 2, gain=10.0) == [1, 20]

    def test_the_rest_of_an_observation_stays_as_it_is(self) -> None:
        observation = look(1)
        after = Sight(Eyes(1), None).see({"gain": 1.0}, observation)
        assert after["state"] is observation["state"]
        assert observation["front/image"].shape == (2, 2, 3)


@pytest.fixture(scope="module")
def interface(counting_env: Any) -> InterfaceSpec:
    spec = counting_env().interface
    cameras = tuple(ObservationEntry(name=name, shape=(32, 32, 3), dtype="uint8") for name in CAMERAS)
    return dataclasses.replace(spec, observations=(*spec.observations, *cameras))


@pytest.fixture(scope="module")
def trunk() -> TrunkWeights:
    return load_trunk(FROZEN, "random")


@pytest.fixture
def snapshot(interface: InterfaceSpec, trunk: TrunkWeights, make_vision_snapshot: Any) -> PolicySnapshot:
    return make_vision_snapshot(interface, FROZEN, trunk.digest)


def frames(number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    images = {name: rng.integers(0, 256, (32, 32, 3), np.uint8) for name in CAMERAS}
    return {"count": np.ones(1, np.float32), "start": np.zeros(2, np.float32), **images}


class Shelf(Trunks):
    """The trunks that a test puts there."""

    def __init__(self, *weights: TrunkWeights) -> None:
        super().__init__()
        self._loaded = {one.digest: one for one in weights}


class TestRunner:
    def test_one_trace_of_each_function_over_frames_snapshots_and_episodes(
        self, interface: Any, trunk: Any, make_vision_snapshot: Any
    ) -> None:
        runner = PolicyRunner(interface, seed=0, trunks=Shelf(trunk))
        chooser = PolicyChooser(runner)
        for version in range(3):
            runner.load(make_vision_snapshot(interface, FROZEN, trunk.digest, version))
            assert runner.traces == 2  # before the first frame
            chooser.begin(np.random.default_rng(version))
            for number in range(3):
                assert np.abs(chooser.choose(frames(number)).action).max() <= 1
        assert runner.traces == 2

    def test_it_chooses_as_the_policy_does_whatever_was_seen_before(
        self, interface: Any, trunk: Any, snapshot: Any
    ) -> None:
        runner = PolicyRunner(interface, seed=0, trunks=Shelf(trunk))
        runner.load(snapshot)
        runner.act(frames(1))
        observation = frames(2)
        select = make_select_action(snapshot.spec)
        maps = select.encode(snapshot.params, observation, trunk.params)
        stacks = {name: map_[None] for name, map_ in maps.items()}
        expected = select(snapshot.params, observation | stacks, np.zeros(2, np.uint32), True)
        np.testing.assert_allclose(runner.act(observation, greedy=True), expected, atol=1e-6)

    def test_trained_trunks_and_stacks(self, interface: Any, make_vision_snapshot: Any) -> None:
        snapshot = make_vision_snapshot(interface, TRAINED, "")
        runner = PolicyRunner(interface, seed=0)
        runner.load(snapshot)

        def actions(numbers: tuple[int, ...]) -> list[np.ndarray]:
            runner.begin()
            return [runner.act(frames(number), greedy=True) for number in numbers]

        first = actions((1, 2, 3, 4))
        again = actions((9, 2, 3, 4))
        assert not np.array_equal(first[2], again[2])  # two frames back, the first one differs
        np.testing.assert_array_equal(first[3], again[3])  # three back is out of sight
        np.testing.assert_array_equal(actions((1,))[0], first[0])

    def test_a_trunk_that_is_nowhere_is_an_error_with_its_cure(
        self, interface: Any, make_vision_snapshot: Any, tmp_path: Any
    ) -> None:
        snapshot = make_vision_snapshot(interface, FROZEN, "ab" * 32)
        runner = PolicyRunner(interface, seed=0, trunks=Trunks(tmp_path))
        with pytest.raises(
            CheckpointError,
            match=r"(?s)lite0_frozen with weights abababababababab.*HANDSON_CACHE",
        ):
            runner.load(snapshot)
        assert runner.snapshot is None
