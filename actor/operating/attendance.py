"""A person at the terminal for as long as a process acts: keys, sounds and a line that says what goes on."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from actor.operating.config import OperatorConfig
from actor.operating.keyboard import Keyboard, terminal_of_stdin
from actor.operating.robot_operator import Operator
from actor.operating.sound import Sound
from actor.rewards.base import LabelledReward, RewardModel
from actor.stop import StopSignal
from robot_env.teleop.base import PressesKeys, TakesKeys, TeleopDevice
from shared.errors import ConfigError

LINES_PER_SECOND = 2.0


@contextmanager
def attended(
    config: OperatorConfig,
    stop: StopSignal,
    judge: RewardModel,
    device: TeleopDevice | None = None,
    *,
    alone: bool = False,
) -> Iterator[Operator]:
    """The operator of one process; nobody where standard input is no terminal and no device has buttons.

    Args:
        config: what was asked for.
        stop: ended by the operator.
        judge: told by keys where it takes labels.
        device: takes the keys that the operator does not use, or presses those that he does.
        alone: nobody else drives: while the device is lost the arm is held.

    Raises:
        ConfigError: somebody is needed, and no key can be heard.
    """
    terminal = terminal_of_stdin() if config.hotkeys else None
    label = judge.label if isinstance(judge, LabelledReward) else None
    if terminal is None:
        _require_nobody(config, label is not None, device)
        operator = Operator(stop, label=label, wait_for_scene=config.wait_for_scene)
        operator.accompany(device, alone=alone)
        yield operator
        return
    console = Console(stderr=True)
    with ExitStack() as attending:
        sound = attending.enter_context(closing(Sound())) if config.sound else None
        operator = Operator(
            stop,
            label=label,
            wait_for_scene=config.wait_for_scene,
            tell=lambda line: console.print(line, markup=False, highlight=False),
            ring=sound.ring if sound else lambda name: None,
        )
        operator.accompany(device, alone=alone)
        attending.enter_context(Keyboard(terminal, operator.press))
        operator.present = True
        operator.press("?")
        if console.is_terminal:
            attending.enter_context(_live(console, operator, device))
        yield operator


def _live(console: Console, operator: Operator, device: TeleopDevice | None) -> Live:
    def render() -> RenderableType:
        lost = f"{device.lost} | " if device is not None and device.lost else ""
        words = f"{lost}{operator.mode} | {operator.describe()}"
        line = Text(words, no_wrap=True, overflow="ellipsis")
        return line if operator.board is None else Group(operator.board(), line)

    return Live(get_renderable=render, console=console, refresh_per_second=LINES_PER_SECOND, transient=True)


def _require_nobody(config: OperatorConfig, judges: bool, device: TeleopDevice | None) -> None:
    needs = "judges this task" if judges else "says when the scene is ready" if config.wait_for_scene else ""
    if isinstance(device, TakesKeys):
        needs = "drives by keys"
    if needs and not isinstance(device, PressesKeys):
        raise ConfigError(
            "operator",
            f"a person {needs}, and there is no terminal to hear keys from",
            "start it in a terminal without --no-hotkeys, or without what asks for a person: "
            "--wait-for-scene, --reward operator, the device keyboard",
        )
