"""What the terminal shows while demonstrations are recorded."""

from rich.console import Console

from actor.demonstrations.coverage import Coverage
from actor.demonstrations.tally import Tally
from actor.operating.attendance import _live
from actor.operating.robot_operator import Operator
from actor.stop import StopSignal
from robot_env.geometry import Pose
from robot_env.tasks.base import Start


def shown(tally: Tally) -> str:
    operator = Operator(StopSignal())
    operator.board = lambda: tally.as_table("demos of reach")
    operator.describe = lambda: "episode 3"
    console = Console(width=100, record=True, force_terminal=True)
    console.print(_live(console, operator, None).get_renderable())
    return console.export_text()


def test_the_board_stands_above_the_operators_line() -> None:
    starts = [Start(tcp=Pose.of((x, 0.0, 0.2)), objects={}) for x in (0.1, 0.15, 0.2)]
    tally = Tally(Coverage(starts))
    assert "balance" not in shown(tally)
    for length, success in ((20, True), (40, True), (30, False)):
        tally.keep(length, success)
        tally.coverage.add(starts[0])
    tally.discarded, tally.broken = 2, 1
    text = shown(tally)
    assert "3 episodes, 90 steps" in text
    assert "0 failed, 2 discarded, 1 broken off" in text
    assert "2 successes, 1 failures" in text
    assert "20 to 40 steps, half of them at most 30" in text
    assert "tool x (m)" in text
    assert "1 of 3 parts of its range" in text
    assert text.rstrip().endswith("acting | episode 3")
