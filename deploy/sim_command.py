"""The command line of `handson sim`: a task's defaults, a file, its own flags, those of its processes."""

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploy.sim_options import SimOptions
from shared.config import parse_command_line

if TYPE_CHECKING:
    from deploy.sim_config import SimConfig

PROG = "handson sim"
DESCRIPTION = """\
Train a task on a simulated arm, from nothing to a report: scripted demonstrations, a learner and an actor
side by side, a final evaluation. The defaults below are general; each task starts from settings of its own.

--preset NAME: the learner's settings by name (serl, hil_serl, rlpd) instead of the task's.

--arm NAME: another arm than the task's own, such as mujoco_xarm7; franka-sim practises in real time on a
simulated Franka behind the real libfranka (installed when first asked for), with settings of its own.

--learner.X and --actor.X: any option X of handson learner and of handson actor; see their --help.

Exit status 0: the target was met; 3: it was not; 130: Ctrl-C; any other: something failed.
"""
PROCESSES = ("learner", "actor")


def parse(argv: Sequence[str]) -> "SimConfig":
    """The settings of a run; prints help or what is wrong and exits, as every role does."""
    own, theirs = split(argv)
    if "-h" in own or "--help" in own:
        parse_command_line(SimOptions, own, prog=PROG, description=DESCRIPTION)
    from actor.config import ActorConfig
    from deploy.sim_config import SimConfig
    from deploy.sim_tasks import defaults, on_arm
    from learner.config import LearnerConfig

    chosen, flags = _choose(own)
    base = on_arm(defaults(chosen.task, chosen.env, chosen.preset, chosen.arm), chosen.arm)
    config = parse_command_line(SimConfig, flags, prog=PROG, description=DESCRIPTION, base=base)
    learner = parse_command_line(
        LearnerConfig, theirs["learner"], prog=f"{PROG} --learner.", description="", base=config.learner
    )
    actor = parse_command_line(
        ActorConfig, theirs["actor"], prog=f"{PROG} --actor.", description="", base=config.actor
    )
    return dataclasses.replace(config, learner=learner, actor=actor)


def split(argv: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Own arguments, and those of each process with the prefix taken off; values stay with their flag."""
    own: list[str] = []
    theirs: dict[str, list[str]] = {name: [] for name in PROCESSES}
    group = own
    for word in argv:
        if word.startswith("--"):
            name, dot, rest = word[2:].partition(".")
            group = theirs[name] if dot and name in theirs else own
            word = f"--{rest}" if group is not own else word
        group.append(word)
    return own, theirs


def _choose(own: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """What the defaults depend on; task and env stay among the flags."""
    parser = argparse.ArgumentParser(prog=PROG, add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--arm", default=None)
    chosen, flags = parser.parse_known_args(list(own))
    parser.add_argument("--task", default=SimOptions.task)
    parser.add_argument("--env", default=None)
    world, _ = parser.parse_known_args(list(own))
    return argparse.Namespace(preset=chosen.preset, arm=chosen.arm, task=world.task, env=world.env), flags
