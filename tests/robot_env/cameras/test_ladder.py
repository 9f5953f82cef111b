import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.cameras.ladder import Ladder, LadderConfig, Look, Rung
from shared.clock import ManualClock
from shared.errors import ConfigError

LOOK_SECONDS = 0.05
CONFIG = LadderConfig()


class Bench:
    """A camera at 30 frames/s, as a ladder sees it: healthy until `breaks`, and after `cure`."""

    def __init__(self, cure: Rung | None, *, breaks: float = 3.0, stuck: bool = False) -> None:
        self.clock = ManualClock()
        self.ladder = Ladder(CONFIG, 0.0)
        self.cure, self.breaks, self.stuck = cure, breaks, stuck
        self.alive, self.done = True, True
        self.healthy_since: float | None = 0.3
        self.good, self.taken = 0, None
        self.tried: list[tuple[float, Rung]] = []

    def run(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.advance(LOOK_SECONDS)
            self.turn(self.clock.now())

    def turn(self, now: float) -> None:
        if self.healthy_since is not None and self.healthy_since <= now:
            self.good, self.taken = self.good + 2, now - 0.01
        if self.breaks <= now:
            self.breaks, self.healthy_since = float("inf"), None
            self.done = not self.stuck
        rung = self.ladder.step(
            now, Look(frames=self.good, taken_seconds=self.taken, alive=self.alive, done=self.done)
        )
        if rung is not None:
            self.tried.append((now, rung))
            self.alive = True
            self.done = not self.stuck or rung is Rung.NEW_PROCESS
            if self.cure is not None and rung >= self.cure and self.done:
                self.healthy_since = now + (0.5 if rung is Rung.NEW_PROCESS else 0.1)

    @property
    def rungs(self) -> list[Rung]:
        return [rung for _, rung in self.tried]


def test_a_healthy_camera_is_left_alone() -> None:
    bench = Bench(None, breaks=float("inf"))
    bench.run(100.0)
    assert bench.tried == []
    assert bench.ladder.rung is None
    assert bench.ladder.faults == 0


@pytest.mark.parametrize("cure", list(Rung))
def test_rungs_are_tried_gentlest_first_until_one_helps(cure: Rung) -> None:
    bench = Bench(cure)
    bench.run(15.0)
    assert bench.rungs == list(Rung)[: cure.value]
    assert bench.ladder.rung is None
    assert bench.ladder.faults == 1


def test_every_cure_is_reached_within_five_seconds_of_the_last_frame() -> None:
    bench = Bench(Rung.NEW_PROCESS)
    bench.run(3.0 + 5.0)
    assert bench.ladder.rung is None


def test_a_process_that_hangs_is_replaced_without_trying_what_it_cannot_do() -> None:
    bench = Bench(Rung.NEW_PROCESS, stuck=True)
    bench.run(15.0)
    assert bench.rungs == [Rung.RETRY, Rung.NEW_PROCESS]
    assert bench.ladder.rung is None


def test_a_process_that_ended_is_replaced_at_once() -> None:
    bench = Bench(Rung.NEW_PROCESS, breaks=float("inf"))
    bench.run(2.0)
    bench.alive, bench.healthy_since = False, None
    bench.run(LOOK_SECONDS)
    assert bench.rungs == [Rung.NEW_PROCESS]
    bench.run(2.0)
    assert bench.ladder.rung is None


def test_a_camera_that_is_gone_is_tried_for_ever_at_a_bounded_rate() -> None:
    bench = Bench(None)
    bench.run(100.0)
    assert bench.rungs[:5] == list(Rung)
    assert set(bench.rungs[5:]) == {Rung.NEW_PROCESS}
    lives = [when for when, rung in bench.tried if rung is Rung.NEW_PROCESS]
    assert min(b - a for a, b in itertools.pairwise(lives)) > CONFIG.start_seconds
    assert bench.ladder.rung is Rung.NEW_PROCESS


def test_a_frame_or_two_do_not_make_a_camera_live() -> None:
    ladder = Ladder(LadderConfig(steady_frames=3), 0.0)
    for frames, live in ((1, False), (2, False), (3, True)):
        ladder.step(0.1 * frames, Look(frames=frames, taken_seconds=0.1 * frames, alive=True, done=True))
        assert (ladder.rung is None) is live


@given(
    st.lists(st.tuples(st.floats(0.01, 1.0), st.integers(0, 3), st.booleans(), st.booleans()), max_size=60)
)
def test_whatever_happens_it_climbs_one_rung_or_jumps_to_the_last(happenings) -> None:
    ladder, now, frames, taken = Ladder(CONFIG, 0.0), 0.0, 0, None
    before = ladder.rung
    for seconds, new, alive, done in happenings:
        now += seconds
        frames, taken = frames + new, now if new else taken
        tried = ladder.step(now, Look(frames=frames, taken_seconds=taken, alive=alive, done=done))
        if tried is not None:
            first = before is None and tried is Rung.RETRY
            assert first or tried is Rung.NEW_PROCESS or tried == before + 1
            assert ladder.rung is tried
        if ladder.rung is None and before is not None:
            assert alive
            assert done
        before = ladder.rung


@pytest.mark.parametrize("change", [{"frame_seconds": 0.0}, {"steady_frames": 0}, {"hang_seconds": -1.0}])
def test_settings_that_cannot_be_kept_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="give positive seconds and frames"):
        LadderConfig(**change)
