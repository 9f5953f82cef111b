"""Both ways on one bench: two hundred trials and more without anybody putting the cube back."""

from pathlib import Path

import pytest

from tests.system import reset_free


@pytest.mark.acceptance
def test_both_ways_are_learned_without_a_reset(tmp_path: Path) -> None:
    found = reset_free.practise(tmp_path)
    print(found)
    reset_free.keep(found)
    assert found["trials"] >= 200
    assert found["scenes_set"] == 1  # the first
    for counts in found["tasks"].values():
        assert counts["recent_trials"] == 50
        assert counts["recent_success_rate"] >= reset_free.LEAST
        assert counts["uplink"]["lost"] == 0
