"""`handson classifier record | train | show`: recording acts, training learns; this passes on to either."""

import importlib
from collections.abc import Sequence
from pathlib import Path

COMMANDS = {
    "record": "record labelled frames while somebody drives the arm",
    "train": "train a classifier from them; chooses its threshold on held-out episodes",
    "show": "print what a classifier is and how good it was",
}


def main(argv: Sequence[str]) -> int:
    """Run the command that is named; 2 where there is none of that name."""
    if not argv or argv[0] not in COMMANDS:
        asked_for_help = bool(argv) and argv[0] in ("-h", "--help")
        print(_help())
        return 0 if asked_for_help else 2
    name, *rest = argv
    if name == "record":
        return int(importlib.import_module("actor.label_command").main(rest))
    training = importlib.import_module("learner.classifier.main")
    if name == "show":
        return int(training.show(rest))
    config = training.parse(rest)
    status = int(training.train(config))
    _report(config.out)
    return status


def _report(path: Path) -> None:
    from deploy.report.classifier_page import render
    from shared.policy.classifier.classifier_file import read_classifier

    page = path.with_suffix(".html")
    page.write_text(render(read_classifier(path), path.name), encoding="utf-8")
    print(f"report: {page}")


def _help() -> str:
    commands = "\n".join(f"  {name:<7} {purpose}" for name, purpose in COMMANDS.items())
    return (
        "usage: handson classifier COMMAND [OPTIONS]\n\n"
        "A classifier that tells success by what the cameras show.\n\n"
        f"commands:\n{commands}\n\n"
        "Options of one: handson classifier COMMAND --help"
    )
