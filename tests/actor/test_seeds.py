"""Start seeds of training never meet those that judge it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from actor.config import FINAL_START_SEED, STOPPING_START_SEED
from actor.seeds import noise_seed, player, start_seed


@given(run_seed=st.integers(0, 2**40), episode=st.integers(0, 2**31))
def test_training_starts_lie_apart_from_evaluation_starts(run_seed: int, episode: int) -> None:
    assert STOPPING_START_SEED < FINAL_START_SEED < 2**31 <= start_seed(run_seed, "actor-0", episode) < 2**32


def test_they_depend_on_run_actor_and_episode() -> None:
    seeds = {
        start_seed(run, who, n)
        for run in range(3)
        for who in ("actor-0", "actor-1", "demo")
        for n in range(50)
    }
    assert len(seeds) == 450
    assert start_seed(1, "actor-0", 2) == start_seed(1, "actor-0", 2)


def test_a_first_life_follows_from_its_id_and_no_later_one_replays_it(tmp_path: Path) -> None:
    first = player(tmp_path, "actor-0", "a")
    assert first == player(tmp_path, "actor-0", "b")
    (tmp_path / "actor-0").mkdir()
    lives = [first, player(tmp_path, "actor-0", "b"), player(tmp_path, "actor-0", "c")]
    lives.append(player(tmp_path, "actor-1", "a"))
    assert len({start_seed(0, who, 0) for who in lives}) == 4
    assert len({noise_seed(0, who) for who in lives}) == 4
