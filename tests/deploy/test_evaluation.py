"""`handson eval` with a person who may help, over grids, against another policy; and its page."""

import json
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from actor.scoring import Rate
from deploy import cli
from robot_env.registry import make
from robot_env.teleop import TELEOP
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.episodes import group_episodes, read_episodes
from shared.interface import InterfaceSpec
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot, write_snapshot
from shared.policy.spec import PolicySpec
from shared.step import Source, Why
from tests.results import record


class EveryOtherConfig:
    """Somebody who drives every other episode from the fifth period on, and looks on at the others."""

    def build(self, interface: InterfaceSpec, env: Any = None) -> "EveryOther":
        return EveryOther(ScriptConfig(noise=0.1).build(interface, env))


class EveryOther:
    source = Source.HUMAN
    lost = ""

    def __init__(self, hands: Any) -> None:
        self._hands, self._episode, self._period = hands, -1, 0

    def reset(self, rng: np.random.Generator) -> None:
        self._hands.reset(rng)
        self._episode, self._period = self._episode + 1, 0

    def read(self, observation: Any) -> Any:
        self._period += 1
        helps = self._episode % 2 and self._period >= 5
        return self._hands.read(observation) if helps else None

    def close(self) -> None:
        self._hands.close()


@pytest.fixture(scope="module")
def policies(tmp_path_factory) -> list[str]:
    """Two policies that learned nothing, of the task reach."""
    env = make("reach", clock=ManualClock(), arm="point")
    interface = env.unwrapped.interface
    env.close()
    spec = PolicySpec(interface=interface, hidden=(8,))
    zeros = {e.name: np.zeros(e.shape, e.dtype) for e in interface.observations}
    paths = []
    for seed in (0, 1):
        params = GaussianPolicy(spec).init(jax.random.key(seed), zeros)["params"]
        snapshot = PolicySnapshot(
            spec=spec,
            params=flatten(params),
            learner_incarnation="nobody",
            version=seed,
            update=0,
            created_at_seconds=1e9,
        )
        paths.append(tmp_path_factory.mktemp("policies") / f"{seed}.snapshot")
        write_snapshot(paths[-1], snapshot)
    return [str(path) for path in paths]


def handson_eval(policy: str, out: Path, *more: str) -> int:
    return cli.main(["eval", "--policy", policy, "--task", "reach", "--out", str(out), *more])


def test_a_policy_that_is_helped_in_half_its_episodes_has_two_rates(
    tmp_path, policies, monkeypatch, capsys
) -> None:
    monkeypatch.setitem(TELEOP, "every_other", f"{__name__}:EveryOtherConfig")
    assert handson_eval(policies[0], tmp_path, "--episodes", "20", "--teleop", "every_other") == 0
    found = json.loads((tmp_path / "evaluation.json").read_text())
    counted: dict[bool, list[bool]] = {True: [], False: []}
    for episode in group_episodes(read_episodes(tmp_path / "evaluation.mcap").records()):
        helped = any(record.step.source is Source.HUMAN for record in episode.steps)
        counted[helped].append(episode.steps[-1].step.why is Why.SUCCESS)
    assert len(counted[True]) == len(counted[False]) == 10
    for name, helped in (("assisted", True), ("autonomous", False)):
        assert found[name] == json.loads(json.dumps(Rate(sum(counted[helped]), 10).as_dict()))
    assert found["assisted"]["rate"] >= 0.9 > found["autonomous"]["rate"]
    assert found["success_rate"] == found["autonomous"]["successes"] / 20
    assert all(row["driven_steps"] <= row["length"] - 4 for row in found["episodes"])
    told = capsys.readouterr().out
    assert "where nobody helped" in told
    assert "where somebody helped" in told
    page = (tmp_path / "evaluation.html").read_text()
    assert "where somebody helped" in page
    assert page.count('<span class="helped"') == found["assisted"]["successes"]


@pytest.mark.acceptance
def test_the_two_rates_of_a_helped_policy_are_recorded(tmp_path, policies, monkeypatch) -> None:
    monkeypatch.setitem(TELEOP, "every_other", f"{__name__}:EveryOtherConfig")
    assert handson_eval(policies[0], tmp_path, "--episodes", "100", "--teleop", "every_other") == 0
    found = json.loads((tmp_path / "evaluation.json").read_text())
    figures = {name: found[name] for name in ("autonomous", "assisted", "success_rate", "success_interval")}
    record(
        "assisted_evaluation",
        figures,
        {"task": "reach", "policy": "untrained", "helped": "every other episode"},
    )
    assert found["autonomous"]["episodes"] == found["assisted"]["episodes"] == 50
    assert found["autonomous"]["interval"][1] < found["assisted"]["interval"][0]


def test_a_grid_is_mapped_and_its_edges_are_told_apart(tmp_path, policies, capsys) -> None:
    assert handson_eval(policies[0], tmp_path, "--grid", "3x3", "--episodes", "10") == 0
    grid = json.loads((tmp_path / "evaluation.json").read_text())["grid"]
    assert (grid["rows"]["name"], grid["columns"]["name"]) == ("target x (m)", "target y (m)")
    assert (grid["centre"]["episodes"], grid["edges"]["episodes"]) == (1, 8)
    told = capsys.readouterr()
    assert "centre of the grid" in told.out
    assert "9 episodes are played: as many in each cell of 3x3" in told.err + told.out
    assert "Where it succeeds" in (tmp_path / "evaluation.html").read_text()


def test_a_comparison_has_one_page_that_loads_nothing(tmp_path, policies) -> None:
    assert handson_eval(policies[0], tmp_path, "--against", policies[1], "--episodes", "3") == 0
    found = json.loads((tmp_path / "comparison.json").read_text())
    assert found["pairs"] == 3
    page = (tmp_path / "evaluation.html").read_text()
    assert f"Against {policies[1]}" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    assert not re.search(r"https?://|url\(|@import|<link|<script", page)


def test_a_task_that_is_done_at_every_start_is_no_success_of_anybody(
    tmp_path, policies, monkeypatch, capsys
) -> None:
    from robot_env.tasks.reach import Reach

    judge = Reach.judge
    monkeypatch.setattr(
        Reach, "judge", lambda self, situation: type(judge(self, situation))(reward_terms={}, success=True)
    )
    assert handson_eval(policies[0], tmp_path, "--episodes", "4") == 2
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert (found["success_rate"], found["eval_episodes"]) == (0.0, 0)
    assert found["done_at_start"] == [2_000_000, 2_000_001, 2_000_002, 2_000_003]
    assert "before anybody acts" in capsys.readouterr().err
