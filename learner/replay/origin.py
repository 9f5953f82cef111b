"""Whose action a step holds, as batches tell agents."""

from shared.records import StepRecord
from shared.step import EpisodeKind, Source


def imitable(record: StepRecord) -> bool:
    """Whether a person or a script chose the action."""
    return record.step.source in (Source.HUMAN, Source.SCRIPT)


def took_over(record: StepRecord) -> bool:
    """Whether a person chose the action in practice, where the policy would have: a demonstration is none."""
    return record.step.source is Source.HUMAN and record.kind is EpisodeKind.TRAINING
