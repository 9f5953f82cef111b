"""From records to SERL's transitions, each with both of its observations.

A step waits until its successor shows where it led; a last one brings that along. What led nowhere, after a
fault or before a gap, is no transition. States go as the network takes them, one vector: entries in declared
order, each with its offset and scale.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from shared.delivery import Stream
from shared.interface import InterfaceSpec
from shared.records import Record, StepRecord, next_sequence, stream_of
from shared.step import EpisodeKind, Observation, Source, Step


class Sent(NamedTuple):
    """A transition as SERL's learner takes it, and whether a person drove."""

    transition: dict[str, Any]
    human: bool


class Pairing:
    """Owned by one thread.

    Args:
        interface: what observations hold.
    """

    def __init__(self, interface: InterfaceSpec) -> None:
        self._interface = interface
        self._waiting: dict[Stream, StepRecord] = {}

    def take(self, records: Iterable[Record]) -> tuple[list[Sent], dict[Stream, int]]:
        """The transitions that these records complete, and up to where each of their streams is told."""
        sent: list[Sent] = []
        told: dict[Stream, int] = {}
        for record in records:
            stream = stream_of(record)
            before = self._waiting.pop(stream, None)
            if isinstance(record, StepRecord):
                if before is not None and _follows(before, record):
                    sent.append(self._sent(before.step, record.step.observation))
                sent += self._last(record)
                if not record.step.last and record.kind is EpisodeKind.TRAINING:
                    self._waiting[stream] = record
                    told[stream] = record.sequence
                    continue
            elif before is not None:
                self._waiting[stream] = before  # a correction, or a report of a loss, parts no two steps
                continue
            told[stream] = next_sequence(record)
        return sent, told

    def _last(self, record: StepRecord) -> list[Sent]:
        after = record.step.final_observation
        if after is None or record.kind is not EpisodeKind.TRAINING:
            return []
        return [self._sent(record.step, after)]

    def _sent(self, step: Step, after: Observation) -> Sent:
        transition = {
            "observations": observation_of(step.observation, self._interface),
            "actions": np.asarray(step.chosen_action, np.float32),
            "next_observations": observation_of(after, self._interface),
            "rewards": np.asarray(step.reward, np.float32),
            "masks": 0.0 if step.terminated else 1.0,
            "dones": step.last,
        }
        return Sent(transition, step.source is Source.HUMAN)


def observation_of(observation: Observation, interface: InterfaceSpec) -> Any:
    """One flat state, or beside cameras {"state": (1, S), NAME: (1, H, W, 3)} as SERL's stacks of one."""
    state = state_of(observation, interface)
    images = {e.name: observation[e.name] for e in interface.observations if e.is_image}
    if not images:
        return state
    seen = {name.removesuffix("/image"): image[None] for name, image in images.items()}
    return seen | {"state": state[None]}


def state_of(observation: Observation, interface: InterfaceSpec) -> np.ndarray:
    """(S,) float32: what a network with plain inputs sees of the state entries."""
    parts: list[np.ndarray] = [np.zeros(0, np.float32)]
    for entry in interface.observations:
        if not entry.is_image:
            part = np.asarray(observation[entry.name], np.float32)
            part = part - np.asarray(entry.offset, np.float32) if entry.offset else part
            parts.append(part / np.asarray(entry.scale, np.float32) if entry.scale else part)
    return np.concatenate(parts)


def _follows(before: StepRecord, after: StepRecord) -> bool:
    return after.identity == before.identity._replace(step=before.identity.step + 1)
