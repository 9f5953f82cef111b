"""Which policy is the best so far, over restarts too."""

import json

import pytest

from actor.best_policy import BestPolicy
from actor.scoring import EvaluatedEpisode, EvaluationResult
from shared.policy.snapshot import read_snapshot
from shared.step import Why


def result(version: int, successes: int, mean_return: float = 0.0) -> EvaluationResult:
    episodes = tuple(
        EvaluatedEpisode(
            start_seed=index,
            success=index < successes,
            episode_return=mean_return,
            length=10,
            seconds=1.0,
            why=Why.TIME_LIMIT,
        )
        for index in range(4)
    )
    return EvaluationResult(
        episodes=episodes,
        greedy=True,
        policy_incarnation="life",
        policy_version=version,
        policy_update=version,
    )


@pytest.mark.parametrize(
    ("offers", "kept"),
    [
        ([(1, 0.0), (3, 0.0), (2, 0.0)], 1),
        ([(3, 9.0), (3, 0.0)], 1),  # equal rates: the newer one
        ([(0, -5.0), (0, -2.0), (0, -9.0)], 1),  # nothing succeeds: the return decides
        ([(0, 100.0), (1, 0.0)], 1),
    ],
)
def test_the_best_one_is_in_the_file(tmp_path, make_snapshot, offers, kept) -> None:
    path = tmp_path / "best" / "policy.snapshot"
    best = BestPolicy(path)
    for version, (successes, mean_return) in enumerate(offers):
        best.offer(make_snapshot(version), result(version, successes, mean_return))
    assert read_snapshot(path).version == kept
    assert json.loads((path.parent / "policy.snapshot.json").read_text())["policy_version"] == kept
    assert sorted(p.name for p in path.parent.iterdir()) == ["policy.snapshot", "policy.snapshot.json"]


def test_a_restarted_actor_knows_the_mark(tmp_path, make_snapshot) -> None:
    path = tmp_path / "policy.snapshot"
    assert BestPolicy(path).offer(make_snapshot(1), result(1, 3))
    assert not BestPolicy(path).offer(make_snapshot(2), result(2, 2))
    assert BestPolicy(path).offer(make_snapshot(3), result(3, 4))


def test_an_unreadable_mark_is_replaced(tmp_path, make_snapshot, caplog) -> None:
    path = tmp_path / "policy.snapshot"
    BestPolicy(path).offer(make_snapshot(1), result(1, 3))
    (tmp_path / "policy.snapshot.json").write_text("{")
    assert BestPolicy(path).offer(make_snapshot(2), result(2, 0))
    assert "unreadable" in caplog.text
