"""What a run begins with, also where a kill came before all of it was in the log."""

import pytest

from learner.start import demos_at_first
from shared.step import EpisodeKind


@pytest.mark.parametrize("logged", [0, 1, 12, 20])
def test_a_kill_while_demonstrations_enter_the_log_leaves_the_same_ones_to_clone(steps, logged):
    demos = steps(20, kind=EpisodeKind.DEMO)
    assert list(demos_at_first(demos[:logged], logged, demos)) == demos


def test_what_came_after_the_first_practice_is_not_cloned(steps):
    demos, practice = steps(20, kind=EpisodeKind.DEMO), steps(3)
    log = [*demos[:10], *practice, *demos[10:]]
    assert list(demos_at_first(log, len(log), demos)) == demos[:10]
