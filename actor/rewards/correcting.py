"""Correcting: what a person calls no success becomes labelled frames, and a better classifier is trained.

Training runs in a process of its own at low priority and touches nothing here; what it wrote is read once it
is whole, between two episodes.
"""

import contextlib
import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from actor.recording import Recording
from shared.errors import HandsOnError
from shared.interface import InterfaceSpec
from shared.labels import OPERATOR
from shared.policy.classifier.classifier_file import RewardClassifier, read_classifier
from shared.step import EpisodeKind, Observation, Source, Step, Why, new_incarnation

log = logging.getLogger(__name__)

NICENESS = 10
END_SECONDS = 2.0

Seen = tuple[Sequence[Observation], float]
"""Frames, and the score of the last one."""


class Correcting:
    """Owned by the control thread, but for `deny`.

    Args:
        data: directory of the labelled frames; corrections are added there.
        interface: of the frames.
        path: the classifier that judges now; its successors lie beside it, named by their version.
    """

    def __init__(self, data: Path, interface: InterfaceSpec, path: Path) -> None:
        self._data, self._interface, self._path = data, interface, path
        self._root = path
        self._last: deque[Seen] = deque(maxlen=1)
        self._denied: deque[Seen] = deque()
        self._recording: Recording | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._next: Path | None = None
        self._stale = False

    def remember(self, seen: Sequence[Observation], score: float) -> None:
        """These frames, after the first, were taken for success."""
        self._last.append((seen, score))

    def deny(self) -> None:
        """What was remembered last was no success; any thread."""
        with contextlib.suppress(IndexError):  # there is none, or it was denied already
            self._denied.append(self._last.pop())

    def newer(self) -> tuple[Path, RewardClassifier] | None:
        """Between episodes: write down what was denied, see after the training; a version that is ready."""
        self._keep_denied()
        ready = self._collect()
        if self._stale and self._process is None:
            self._start()
        return ready

    def close(self) -> None:
        """Write down what was denied last, and end a training that goes on."""
        self._keep_denied()
        if self._recording is not None:
            self._recording.__exit__(None, None, None)
            self._recording = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(END_SECONDS)
            self._process = None

    def _keep_denied(self) -> None:
        while self._denied:
            self._keep(*self._denied.popleft())

    def _keep(self, seen: Sequence[Observation], score: float) -> None:
        if self._recording is None:
            path = self._data / f"corrections-{new_incarnation()}.mcap"
            self._recording = Recording(
                path, self._interface, actor_id="correction", kind=EpisodeKind.EVALUATION
            )
        self._recording.add(correction(seen, score, self._interface.action_size))
        self._stale = True
        log.warning("%d frames were added to %s as no success", len(seen) - 1, self._recording.path)

    def _start(self) -> None:
        version = read_classifier(self._path).version + 1
        self._next = self._root.with_name(f"{self._root.stem}-{version}-{os.getpid()}{self._root.suffix}")
        words = (
            str(self._data),
            "--out",
            str(self._next),
            "--resume-from",
            str(self._path),
            "--device",
            "cpu",
        )
        with self._next.with_suffix(".log").open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", "classifier", "train", *words],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        self._stale = False

    def _collect(self) -> tuple[Path, RewardClassifier] | None:
        if self._process is None or self._next is None or self._process.poll() is None:
            return None
        process, path = self._process, self._next
        self._process = self._next = None
        if not path.exists():
            log.error("training anew ended with %d: read %s", process.returncode, path.with_suffix(".log"))
            return None
        try:
            classifier = read_classifier(path)
        except HandsOnError as error:
            log.error("what was trained anew cannot be used: %s", error)
            return None
        if _met(read_classifier(self._path)) and not _met(classifier):
            log.warning("%s misses its target of precision: %s goes on judging", path, self._path)
            return None
        self._path = path
        return path, classifier


def _met(classifier: RewardClassifier) -> bool:
    return all(figures["target_met"] for figures in classifier.metrics.get("classes", {}).values())


def correction(seen: Sequence[Observation], score: float, action_size: int) -> list[Step]:
    """An episode whose steps lead from each of these observations to the next, none of them a success."""
    blank = np.zeros(action_size, np.float32)
    last = len(seen) - 2
    return [
        Step(
            observation=dict(before),
            chosen_action=blank,
            executed_command=blank[:0],
            source=Source.POLICY,
            reward=0.0,
            reward_terms={OPERATOR: 0.0, "classifier_score": score},
            truncated=number == last,
            why=Why.OPERATOR_ABORT if number == last else None,
            final_observation=dict(after) if number == last else None,
        )
        for number, (before, after) in enumerate(pairwise(seen))
    ]
