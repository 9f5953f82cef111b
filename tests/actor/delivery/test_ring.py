"""The ring keeps what was appended through kills, laps and damage, and nothing else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actor.ring import Ring
from shared.errors import SpoolFull


def payload(sequence: int, size: int) -> bytes:
    return bytes((sequence * 31 + i) % 251 for i in range(size))


def read_all(ring: Ring, position: int = 0, sequence: int = 0) -> list[tuple[int, bytes]]:
    found = []
    while (record := ring.read(position, sequence)) is not None:
        found.append((record.sequence, record.payload))
        position, sequence = record.end, record.sequence + 1
    return found


def survivors(path: Path, sequence: int = 0) -> tuple[list[tuple[int, bytes]], int]:
    ring = Ring(path, 4096)
    found = [(record.sequence, record.payload) for record in ring.survivors(sequence)]
    produced = ring.produced
    ring.close()
    return found, produced


def filled(path: Path, count: int, size: int = 40, capacity: int = 4096) -> list[tuple[int, bytes]]:
    ring = Ring(path, capacity)
    for sequence in range(count):
        assert ring.append([payload(sequence, size)]) == sequence
    ring.close()
    return [(sequence, payload(sequence, size)) for sequence in range(count)]


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=120),
    keep=st.integers(0, 3),
    pieces=st.integers(1, 3),
)
def test_laps_lose_nothing_and_a_full_ring_refuses(tmp_path_factory, sizes, keep, pieces):
    ring = Ring(tmp_path_factory.mktemp("ring") / "ring", 1000)
    position, expected, waiting = 0, 0, []
    for size in sizes:
        data = payload(ring.produced, size)
        parts = [data[i * size // pieces : (i + 1) * size // pieces] for i in range(pieces)]
        try:
            waiting.append((ring.append(parts), data))
        except SpoolFull:
            assert ring.used_bytes + size + 2 * 24 + 8 > ring.capacity_bytes - 324
        while len(waiting) > keep:
            record = ring.read(position, expected)
            assert record is not None
            assert (record.sequence, record.payload) == waiting.pop(0)
            position, expected = record.end, record.sequence + 1
            ring.release(position)
    assert read_all(ring, position, expected) == waiting
    ring.close()


def test_full_says_why_uses_no_sequence_and_goes_on_after_a_release(tmp_path):
    ring = Ring(tmp_path / "ring", 1024)
    for _ in range(3):
        ring.append([bytes(300)])
    with pytest.raises(SpoolFull, match="wait for the disk"):
        ring.append([bytes(300)])
    assert ring.produced == 3
    first = ring.read(0, 0)
    assert first is not None
    ring.release(first.end)
    assert ring.append([bytes(200)]) == 3
    ring.close()


def test_a_killed_process_leaves_every_record_of_which_append_returned(tmp_path):
    code = (
        "import sys; from pathlib import Path; from actor.ring import Ring\n"
        "ring = Ring(Path(sys.argv[1]), 1 << 20)\n"
        "while True:\n"
        "    sequence = ring.append([bytes([ring.produced % 251]) * 100])\n"
        "    sys.stdout.buffer.write(sequence.to_bytes(8, 'little')); sys.stdout.flush()\n"
    )
    repository = Path(__file__).resolve().parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "ring"], stdout=subprocess.PIPE, cwd=repository
    )
    assert process.stdout is not None
    seen = process.stdout.read(8 * 500)
    process.send_signal(signal.SIGKILL)
    seen += process.stdout.read()
    process.stdout.close()
    process.wait(10)
    returned = len(seen) // 8
    found, produced = survivors(tmp_path / "ring")
    assert produced in (returned, returned + 1)
    assert found == [(sequence, bytes([sequence % 251]) * 100) for sequence in range(produced)]


def test_damage_in_the_middle_costs_only_the_damaged_record(tmp_path):
    records = filled(tmp_path / "ring", 10)
    data = bytearray((tmp_path / "ring").read_bytes())
    at = data.index(payload(4, 40))
    data[at + 5] ^= 1
    data[at - 24 + 64 + 4] ^= 0x7F  # the length of the next record
    (tmp_path / "ring").write_bytes(data)
    found, produced = survivors(tmp_path / "ring")
    assert found == [record for record in records if record[0] not in (4, 5)]
    assert produced == 10


@pytest.mark.parametrize("at", [0, 17, 28, 36], ids=["magic", "capacity", "tail", "head"])
def test_a_ring_with_a_damaged_head_is_searched(tmp_path, at):
    records = filled(tmp_path / "ring", 10)
    with (tmp_path / "ring").open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5")
    for _ in range(2):
        found, produced = survivors(tmp_path / "ring", 3)
        assert found == records[3:]
        assert produced == 10


def test_an_earlier_lap_never_comes_back(tmp_path):
    ring = Ring(tmp_path / "ring", 1000)
    position = 0
    for sequence in range(60):
        ring.append([payload(sequence, 76)])
        record = ring.read(position, sequence)
        assert record is not None
        position = record.end
        ring.release(position)
    ring.append([payload(60, 400)])
    ring.close()
    data = bytearray((tmp_path / "ring").read_bytes())
    at = data.index(payload(60, 400)[:300])
    data[at - 20] ^= 0xFF  # its length
    (tmp_path / "ring").write_bytes(data)
    found, produced = survivors(tmp_path / "ring", 60)
    assert found == []
    assert produced == 61


def test_a_retired_ring_gives_its_room_back_and_remembers_its_count(tmp_path):
    filled(tmp_path / "ring", 10)
    ring = Ring(tmp_path / "ring", 4096)
    assert len(list(ring.survivors(0))) == 10
    ring.retire()
    assert os.stat(tmp_path / "ring").st_size == 4096
    assert survivors(tmp_path / "ring") == ([], 10)


def test_a_ring_cut_off_while_it_was_made_is_empty(tmp_path):
    (tmp_path / "ring").write_bytes(bytes(100))
    assert survivors(tmp_path / "ring") == ([], 0)
