"""Grids of start states: every cell is filled by starts that the task draws there by itself."""

import pytest

from actor.demonstrations.coverage import quantities
from actor.evaluating.starts import Grid, lay_grid, parse_size
from actor.evaluating.success_map import SuccessMap
from actor.scoring import EvaluatedEpisode
from robot_env.env import RobotEnv
from robot_env.registry import make
from shared.clock import ManualClock
from shared.errors import ConfigError
from shared.step import Why


@pytest.fixture(scope="module")
def pick_cube():
    env = make("pick_cube", clock=ManualClock(), arm="point")
    assert isinstance(env, RobotEnv)
    yield env
    env.close()


def grid_of(env: RobotEnv, size: str = "5x5", over=(), episodes: int = 50) -> Grid:
    return lay_grid(env, size, over, episodes=episodes, first_seed=2_000_000)


def test_each_cell_holds_starts_of_its_own(pick_cube) -> None:
    grid = grid_of(pick_cube)
    assert (grid.rows.name, grid.columns.name) == ("cube x (m)", "cube y (m)")
    assert set(grid.seeds) == {(row, column) for row in range(5) for column in range(5)}
    assert {len(seeds) for seeds in grid.seeds.values()} == {2}
    for (row, column), seeds in grid.seeds.items():
        for seed in seeds:
            start = quantities(pick_cube.start_of(seed))
            assert 0.06 * row - 0.002 <= start["cube x (m)"] - 0.30 <= 0.06 * (row + 1) + 0.002
            assert 0.08 * column - 0.002 <= start["cube y (m)"] + 0.20 <= 0.08 * (column + 1) + 0.002
    assert grid_of(pick_cube) == grid
    assert len(set(grid.start_seeds)) == 50
    assert set(grid.start_seeds[:25]) == {seeds[0] for seeds in grid.seeds.values()}


def test_the_start_that_is_told_is_the_start_that_is_played(pick_cube) -> None:
    seed = grid_of(pick_cube, "2x2", episodes=4).start_seeds[3]
    pick_cube.reset(seed=seed)
    assert quantities(pick_cube.start) == quantities(pick_cube.start_of(seed))


def test_cells_in_which_the_task_draws_no_start_stay_empty() -> None:
    env = make("relocate", clock=ManualClock(), arm="point")
    grid = grid_of(env, "1x5", ("cube x (m)", "cube y (m)"), episodes=10)
    env.close()
    assert set(grid.seeds) == {(0, 0), (0, 1), (0, 3), (0, 4)}
    assert {len(seeds) for seeds in grid.seeds.values()} == {2}


def test_a_tool_alone_varies_where_the_objects_stand_still() -> None:
    env = make("peg_insert", clock=ManualClock(), arm="point")
    grid = grid_of(env, "3x3", episodes=9)
    env.close()
    assert (grid.rows.name, grid.columns.name) == ("tool x (m)", "tool y (m)")


@pytest.mark.parametrize("text", ["5", "5x", "0x5", "5x0", "axb", "100x100", "5x5x5", "99x1"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="as in 5x5"):
        parse_size(text)


@pytest.mark.parametrize(
    ("over", "cure"),
    [
        (("cube x (m)",), "name two"),
        (("cube z (m)", "cube x (m)"), "cube y"),
        (("cub x", "tool y"), "cube x"),
    ],
)
def test_quantities_that_do_not_vary_are_refused(pick_cube, over, cure) -> None:
    with pytest.raises(ConfigError, match=cure):
        grid_of(pick_cube, over=over)


def test_other_environments_have_no_grid() -> None:
    with pytest.raises(ConfigError, match="leave out --grid"):
        lay_grid(None, "5x5", (), episodes=25, first_seed=0)


def test_the_centre_is_counted_apart_from_the_edges(pick_cube) -> None:
    grid = grid_of(pick_cube, episodes=25)
    episodes = [
        EvaluatedEpisode(
            start_seed=seeds[0],
            success=not grid.is_edge(cell) or cell == (0, 0),
            episode_return=0.0,
            length=1,
            seconds=0.1,
            why=Why.SUCCESS,
            driven_steps=int(cell == (2, 2)),
        )
        for cell, seeds in grid.seeds.items()
    ]
    found = SuccessMap.of(grid, episodes)
    assert (found.centre.successes, found.centre.episodes) == (8, 9), "help counts as failure"
    assert (found.edges.successes, found.edges.episodes) == (1, 16)
    written = found.as_dict()
    assert len(written["cells"]) == 25
    assert written["centre"]["rate"] == pytest.approx(8 / 9)
