"""The reward that a classifier gives: success when the cameras show it, several frames in a row.

Stages come in order: each has a classifier and a class, and the reward of 1 ends the episode with the last.
What the environment thinks of its state is left out but for an ending.
"""

import logging
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actor.rewards.base import StepResult, Verdict
from actor.rewards.correcting import Correcting
from actor.rewards.environment import EnvironmentReward
from actor.rewards.gate import Gate, gates_of
from actor.rewards.judging import JudgingConfig
from actor.rewards.measured_separation import measure_separation
from actor.samples import Samples
from shared.clock import SystemClock
from shared.interface import InterfaceSpec
from shared.policy.classifier.classifier_file import RewardClassifier, read_classifier
from shared.policy.classifier.scoring import Scorer
from shared.policy.classifier.spec import require_views
from shared.step import Observation, Why

log = logging.getLogger(__name__)

SCORE = "classifier_score"


@dataclass(kw_only=True, eq=False)
class Stage:
    """One thing to reach, and by what it is told.

    Attributes:
        path: the file; stages of one file share its scorer.
        number: of the class.
        threshold: probability from which on a frame counts.
    """

    path: Path
    scorer: Scorer
    number: int
    threshold: float


class ClassifierReward:
    """Judges by the newest version of its classifiers; made by `for_world`.

    Attributes:
        judging_seconds: how long each verdict took.
        successes, denials: how many episodes it called a success, and how many of these a person did not.
        success_seconds: when it called one a success last, monotonic; -inf before the first.
    """

    judges_alone = True

    def __init__(
        self,
        stages: list[Stage],
        config: JudgingConfig,
        gates: tuple[Gate, ...] = (),
        correcting: Correcting | None = None,
    ) -> None:
        self.judging_seconds = Samples()
        self.successes = self.denials = 0
        self.success_seconds = -math.inf
        self._denied: deque[int] = deque()
        self._newest_denied = 0
        self._stages, self._config, self._gates, self._correcting = stages, config, gates, correcting
        self._environment, self._clock = EnvironmentReward(), SystemClock()
        self._stage = self._hits = 0
        self._seen: deque[Observation] = deque(maxlen=config.hits + 1)

    @classmethod
    def for_world(cls, interface: InterfaceSpec, config: JudgingConfig) -> "ClassifierReward":
        """Read the files, check that they are of these cameras, compile, and measure separation if asked.

        Raises:
            CheckpointError: a file is missing, damaged or foreign.
            InterfaceMismatch: one was trained with other cameras, sizes or crops; both are printed.
            ConfigError: no file, class, entry or demonstration of the name given is there.
        """
        config.require_used()
        gates = gates_of(config.gate, interface)
        stages = _stages(config, interface)
        for stage in stages:
            _warm_up(stage.scorer, interface)
            if config.classifier_demos:
                measure_separation(stage.scorer, stage.number, config.classifier_demos)
        correcting = None
        if config.classifier_data is not None:
            correcting = Correcting(config.classifier_data, interface, stages[-1].path)
        return cls(stages, config, gates, correcting)

    @property
    def identity(self) -> str:
        """Which classifiers judge, for logs, summaries and episode files."""
        return ", ".join(f"{stage.path.name} {stage.scorer.classifier.identity}" for stage in self._stages)

    def begin(self, observation: Observation) -> None:
        """An episode begins, by the newest version there is."""
        self._adopt()
        self._stage = self._hits = 0
        self._seen.clear()
        self._seen.append(observation)

    def done(self, observation: Observation) -> bool:
        """Whether this observation alone looks like what ends the last stage."""
        stage = self._stages[-1]
        score = float(stage.scorer(observation)[0, stage.number])
        return self._counts(score, stage, observation)

    def judge(self, result: StepResult) -> Verdict:
        """The verdict on the frames that the step led to."""
        began = self._clock.now()
        stage = self._stages[self._stage]
        score = float(stage.scorer(result.observation)[0, stage.number])
        self._seen.append(result.observation)
        self._hits = self._hits + 1 if self._counts(score, stage, result.observation) else 0
        verdict = self._verdict(score, result)
        self.judging_seconds.add(self._clock.now() - began)
        return verdict

    def deny(self) -> str:
        """What was taken for success last was none; any thread. Returns what becomes of it, in words."""
        if not self.successes:
            return "nothing was taken for success yet"
        if self._newest_denied != self.successes:
            self.denials += 1
            self._newest_denied = self.successes
            self._denied.append(self.successes)
        if self._correcting is None:
            return "its reward is taken back; with --classifier-data DIR the classifier would learn from it"
        self._correcting.deny()
        return "its reward is taken back, its frames become negatives, and a better classifier is trained"

    def denied(self) -> int | None:
        """Which success was denied, by its number from 1 on, each said once; None for none."""
        return self._denied.popleft() if self._denied else None

    def close(self) -> None:
        """End a training that goes on."""
        if self._correcting is not None:
            self._correcting.close()

    def _counts(self, score: float, stage: Stage, observation: Observation) -> bool:
        bound = stage.threshold if self._config.threshold is None else self._config.threshold
        return score >= bound and all(gate.open(observation) for gate in self._gates)

    def _verdict(self, score: float, result: StepResult) -> Verdict:
        terms = {SCORE: score}
        if len(self._stages) > 1:
            terms["classifier_stage"] = float(self._stage)
        reached = self._hits >= self._config.hits
        if reached and self._stage + 1 == len(self._stages):
            self.successes += 1
            self.success_seconds = self._clock.now()
            if self._correcting is not None:
                self._correcting.remember(tuple(self._seen), score)
            return Verdict(reward=1.0, terms=terms, terminated=True, why=Why.SUCCESS, success=True)
        if reached:
            self._stage, self._hits = self._stage + 1, 0
        reward = self._config.stage_reward if reached else 0.0
        theirs = self._environment.judge(result)
        ended = Why.FAILURE if theirs.terminated else theirs.why
        return Verdict(
            reward=reward, terms=terms, terminated=theirs.terminated, truncated=theirs.truncated, why=ended
        )

    def _adopt(self) -> None:
        newer = self._correcting.newer() if self._correcting is not None else None
        if newer is None:
            return
        path, classifier = newer
        last = self._stages[-1]
        for stage in self._stages:
            if stage.scorer is last.scorer and stage.path != path:
                stage.path, stage.threshold = path, classifier.thresholds[stage.number]
        last.scorer.load(classifier)
        log.warning("judging by %s %s from now on", path, classifier.identity)


def _stages(config: JudgingConfig, interface: InterfaceSpec) -> list[Stage]:
    scorers: dict[Path, Scorer] = {}
    stages: list[Stage] = []
    for words in config.classifier:
        path, name = _path_and_class(words)
        if path not in scorers:
            classifier = read_classifier(path)
            require_views(classifier.spec.views, interface, str(path))
            scorers[path] = Scorer(classifier)
            _tell(path, classifier)
        scorer = scorers[path]
        number = scorer.classifier.spec.number(name)
        threshold = scorer.classifier.thresholds[number]
        stages.append(Stage(path=path, scorer=scorer, number=number, threshold=threshold))
    return stages


def _path_and_class(words: str) -> tuple[Path, str]:
    path, colon, name = words.rpartition(":")
    return (Path(path), name) if colon and not Path(words).exists() else (Path(words), "")


def _tell(path: Path, classifier: RewardClassifier) -> None:
    log.info("success is judged by %s, %s", path, classifier.identity)
    for name, figures in classifier.metrics.get("classes", {}).items():
        if not figures.get("target_met", True):
            log.warning("%s: the precision of %s that was asked for in training was not reached", path, name)


def _warm_up(scorer: Scorer, interface: InterfaceSpec) -> None:
    scorer({e.name: np.zeros(e.shape, np.uint8) for e in interface.observations if e.is_image})
