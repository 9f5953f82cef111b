"""Small labelled frames: a bright square shows success in one camera, while the other shows noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.episodes import EpisodeWriter
from shared.interface import ActionEntry, CropProfile, InterfaceSpec, ObservationEntry
from shared.labels import ENVIRONMENT
from shared.records import StepRecord
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why

SIZE = 16
GOOD, BLIND = "hand/image", "wall/image"
TINY = ("--vision.trunk-stages", "1", "--vision.embeddings", "2", "--looks.variants", "2")
QUICK = (*TINY, "--fit.updates", "60", "--fit.batch", "32", "--fit.folds", "3", "--fit.repeats", "1")


def interface(
    size: int = SIZE, names: Sequence[str] = (GOOD, BLIND), crop: CropProfile | None = None
) -> InterfaceSpec:
    images = tuple(ObservationEntry(name=name, shape=(size, size, 3), dtype="uint8") for name in names)
    height = ObservationEntry(name="arm/height_m", shape=(2,), dtype="float32")
    return InterfaceSpec(
        name="squares",
        observations=(height, *images),
        actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
        control_hz=10.0,
        crop_profiles=() if crop is None else (crop,),
    )


def picture(label: int, rng: np.random.Generator, spec: InterfaceSpec | None = None) -> Observation:
    """What is seen in a class: 0 nothing, 1 a square at the upper left, 2 one at the lower right."""
    spec = spec or interface()
    seen: Observation = {"arm/height_m": rng.normal(size=2).astype(np.float32)}
    for entry in spec.observations[1:]:
        frame = rng.integers(0, 40, entry.shape).astype(np.uint8)
        half = entry.shape[0] // 2
        if entry.name == GOOD and label == 1:
            frame[2 : half - 1, 2 : half - 1] = (240, 240, 40)
        if entry.name == GOOD and label == 2:
            frame[half + 1 : -2, half + 1 : -2] = (40, 240, 240)
        seen[entry.name] = frame
    return seen


def steps_of(
    labels: Sequence[int], rng: np.random.Generator, spec: InterfaceSpec, term: str = ENVIRONMENT
) -> list[Step]:
    """An episode whose steps lead to frames of these classes."""
    seen = [picture(label, rng, spec) for label in (0, *labels)]
    last = len(labels) - 1
    return [
        Step(
            observation=seen[i],
            chosen_action=np.zeros(1, np.float32),
            executed_command=np.zeros(1, np.float32),
            source=Source.SCRIPT,
            reward=float(label == 1),
            reward_terms={term: float(label)},
            truncated=i == last,
            why=Why.OPERATOR_ABORT if i == last else None,
            final_observation=seen[-1] if i == last else None,
        )
        for i, label in enumerate(labels)
    ]


def write_episodes(path: Path, episodes: Sequence[Sequence[Step]], spec: InterfaceSpec | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sequence = 0
    with EpisodeWriter(path, spec or interface(), opened_by="test") as writer:
        for number, steps in enumerate(episodes):
            for i, step in enumerate(steps):
                identity = StepId("test", path.stem, number, i)
                writer.write(
                    StepRecord(
                        identity=identity,
                        sequence=sequence,
                        kind=EpisodeKind.EVALUATION,
                        time_seconds=1e9 + sequence,
                        step=step,
                    )
                )
                sequence += 1
    return path


def write_labels(
    path: Path,
    episodes: Sequence[Sequence[int]] = ((0, 0, 0, 0, 1, 1),) * 8,
    spec: InterfaceSpec | None = None,
    term: str = ENVIRONMENT,
    seed: int = 0,
) -> Path:
    """A file of episodes whose steps lead to frames of these classes."""
    rng, spec = np.random.default_rng(seed), spec or interface()
    return write_episodes(path, [steps_of(labels, rng, spec, term) for labels in episodes], spec)
