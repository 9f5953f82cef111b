"""The budget is what the stores take, and what cannot fit is refused with numbers that fit."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner.imitation import ImitationConfig, cloning_batch_bytes
from learner.replay.budget import MemoryBudget, ReplayConfig, available_bytes, budget
from learner.replay.buffers import empty_buffers
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.replay.store import ReplayStore
from shared.errors import ConfigError, MemoryBudgetError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry

INTERFACE = InterfaceSpec(
    name="test",
    observations=(
        ObservationEntry(name="state", shape=(10,), dtype="float32"),
        ObservationEntry(name="image", shape=(16, 16, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="step", low=(-1.0,) * 4, high=(1.0,) * 4, unit="m"),),
    control_hz=10.0,
)
LAYOUT = BatchLayout(interface=INTERFACE)
MAPS = BatchLayout(interface=INTERFACE, frame_stack=2, map_shapes={"image": (4, 4, 8)})


def budget_of(config: ReplayConfig, layout: BatchLayout = LAYOUT) -> MemoryBudget:
    return budget(layout, config, updates=4, batch_size=256, batches_alive=3)


def test_it_counts_what_the_stores_take() -> None:
    config = ReplayConfig(online_rows=500, pinned_rows=100, memory_limit_gigabytes=1.0)
    made = budget_of(config)
    stores = ReplayStore(LAYOUT, 500).nbytes + ReplayStore(LAYOUT, 100).nbytes
    transition = 2 * (40 + 768) + 4 * (4 + 4)
    assert made.total_bytes == stores + 3 * 4 * 256 * transition
    made.check()


def test_maps_and_stacks_are_counted_and_told() -> None:
    config = ReplayConfig(online_rows=500, pinned_rows=100, cached_shifts=3, memory_limit_gigabytes=1.0)
    made = budget_of(config, MAPS)
    source = MapSource(encode=lambda frames, offsets: np.zeros(()), shifts=3, seed=0)
    stores = ReplayStore(MAPS, 500, source).nbytes + ReplayStore(MAPS, 100, source).nbytes
    transition = 2 * (40 + 2 * 4 * 4 * 8 * 2) + 4 * (4 + 4)
    assert made.total_bytes == stores + 3 * 4 * 256 * transition
    assert "(768 of frames, 771 of maps)" in str(made)
    assert "of maps" in str(budget_of(config))
    tight = ReplayConfig(online_rows=10_000_000, pinned_rows=10, memory_limit_gigabytes=0.1)
    with pytest.raises(MemoryBudgetError, match="set cached_shifts lower"):
        budget_of(tight, MAPS).check()
    with pytest.raises(MemoryBudgetError) as caught:
        budget_of(tight).check()
    assert "cached_shifts" not in caught.value.cure


def test_replay_of_frames_is_hardly_more_than_the_frames() -> None:
    """With two 64x64 cameras, a state of 40 numbers, and a row for the end of each 100 steps."""
    cameras = tuple(
        ObservationEntry(name=name, shape=(64, 64, 3), dtype="uint8")
        for name in ("front/image", "wrist/image")
    )
    state = ObservationEntry(name="state", shape=(40,), dtype="float32")
    seen = replace(INTERFACE, observations=(state, *cameras))
    row = ReplayStore(BatchLayout(interface=seen), 1000).nbytes / 1000
    assert row * 101 / 100 <= 1.05 * 2 * 64 * 64 * 3


def test_it_tells_what_would_fit() -> None:
    config = ReplayConfig(online_rows=10_000_000, pinned_rows=1000, memory_limit_gigabytes=0.5)
    with pytest.raises(MemoryBudgetError) as caught:
        budget_of(config).check()
    assert "10,000,000 practice + 1,000 pinned rows" in caught.value.cause
    found = re.search(r"online_rows to at most ([\d,]+)", caught.value.cure)
    assert found is not None
    fitting = int(found[1].replace(",", ""))
    for rows, fits in ((fitting, True), (fitting + 1, False)):
        made = budget_of(ReplayConfig(online_rows=rows, pinned_rows=1000, memory_limit_gigabytes=0.5))
        assert (made.total_bytes <= made.limit_bytes) == fits


def test_pinned_rows_alone_may_be_too_many() -> None:
    with pytest.raises(MemoryBudgetError, match="set pinned_rows and online_rows lower"):
        budget_of(ReplayConfig(pinned_rows=10_000_000, memory_limit_gigabytes=0.5)).check()


def test_cloning_that_cannot_fit_is_refused_with_what_it_takes() -> None:
    config = ImitationConfig(updates_per_call=5, batch_size=200)
    batches = cloning_batch_bytes(MAPS, config)
    assert batches == 2 * 5 * 200 * empty_buffers(MAPS, 1, 1).nbytes
    made = budget_of(ReplayConfig(online_rows=50, pinned_rows=50, memory_limit_gigabytes=0.01), MAPS)
    fitting = (made.limit_bytes - batches) // made.row_bytes
    made.check_cloning(fitting, batches)
    with pytest.raises(MemoryBudgetError, match="updates_per_call lower") as caught:
        made.check_cloning(fitting + 1, batches)
    assert f"{fitting + 1:,} demonstrated rows" in caught.value.cause


def test_the_limit_is_most_of_what_is_available(tmp_path: Path) -> None:
    assert budget_of(ReplayConfig()).limit_bytes == pytest.approx(0.8 * available_bytes(), rel=0.2)
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 900 kB\nMemAvailable:    500 kB\n")
    assert available_bytes(meminfo) == 512_000
    meminfo.write_text("MemTotal: 900 kB\n")
    with pytest.raises(MemoryBudgetError, match="memory_limit_gigabytes"):
        available_bytes(meminfo)


@pytest.mark.parametrize(
    "settings",
    [{"online_rows": 0}, {"pinned_rows": -1}, {"cached_shifts": -1}, {"memory_limit_gigabytes": 0.0}],
)
def test_settings_out_of_range(settings: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        ReplayConfig(**settings)
