"""What a policy achieves over fixed start states, and how sure that is."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.rollout import EpisodeHooks, EpisodeOutcome, Rollout
from shared.errors import CheckpointError, RobotFault
from shared.intervals import wilson_interval
from shared.step import Step, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedEpisode:
    """One row of an evaluation."""

    start_seed: int
    success: bool
    episode_return: float
    length: int
    why: Why


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """What one policy did from each start state.

    Attributes:
        episodes: in order of their start seeds.
        greedy: whether the policy's mode acted instead of a sample.
        policy_incarnation, policy_version, policy_update: which policy it was.
    """

    episodes: tuple[EvaluatedEpisode, ...]
    greedy: bool
    policy_incarnation: str
    policy_version: int
    policy_update: int

    @property
    def successes(self) -> int:
        """Episodes that ended with the task done."""
        return sum(episode.success for episode in self.episodes)

    @property
    def success_rate(self) -> float:
        """Their share."""
        return self.successes / len(self.episodes)

    @property
    def success_interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the rate."""
        return wilson_interval(self.successes, len(self.episodes))

    @property
    def mean_return(self) -> float:
        """Mean undiscounted return."""
        return math.fsum(episode.episode_return for episode in self.episodes) / len(self.episodes)

    @property
    def mean_length(self) -> float:
        """Mean number of steps."""
        return sum(episode.length for episode in self.episodes) / len(self.episodes)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "success_rate": self.success_rate,
            "success_interval": list(self.success_interval),
            "successes": self.successes,
            "eval_episodes": len(self.episodes),
            "mean_return": self.mean_return,
            "mean_length": self.mean_length,
            "greedy": self.greedy,
            "policy_incarnation": self.policy_incarnation,
            "policy_version": self.policy_version,
            "policy_update": self.policy_update,
            "episodes": [asdict(episode) for episode in self.episodes],
        }


def evaluate(
    rollout: Rollout,
    runner: PolicyRunner,
    *,
    start_seeds: range,
    greedy: bool = True,
    begun: Callable[[], Why | None] = lambda: None,
    interrupted: Callable[[], Why | None] = lambda: None,
    keep: Callable[[int, Step, int], None] = lambda episode, step, number: None,
    after_episode: Callable[[EpisodeOutcome], None] = lambda outcome: None,
    mend: Callable[[EpisodeOutcome], None] | None = None,
) -> EvaluationResult | None:
    """The policy that the runner holds, from each start state in turn.

    Args:
        rollout: the environment to act in.
        runner: its policy is not exchanged meanwhile.
        start_seeds: one episode each.
        greedy: the policy's mode instead of a sample.
        begun: asked after each reset; an answer ends the evaluation without a result.
        interrupted: asked after each step; an answer ends the evaluation without a result.
        keep: takes (episode, step, number of the step).
        after_episode: called with each outcome.
        mend: waits until an arm or a camera that failed may be tried again: the episode is then played anew,
            for it says nothing about the policy. Without it such an episode counts as one that failed.
    """
    if runner.snapshot is None:
        raise CheckpointError("evaluation", "no policy was loaded", "load a snapshot first")
    chooser = PolicyChooser(runner, greedy_share=float(greedy))
    episodes: list[EvaluatedEpisode] = []
    for index, start_seed in enumerate(start_seeds):
        hooks = EpisodeHooks(
            begun=begun, interrupted=interrupted, keep=lambda s, n, index=index: keep(index, s, n)
        )
        outcome = rollout.play(chooser, start_seed, hooks)
        while mend is not None and isinstance(outcome.fault, RobotFault):
            mend(outcome)
            if interrupted() is not None:
                return None
            outcome = rollout.play(chooser, start_seed, hooks)
        if outcome.why is Why.OPERATOR_ABORT:
            return None
        after_episode(outcome)
        episodes.append(_row(outcome))
    return EvaluationResult(
        episodes=tuple(episodes),
        greedy=greedy,
        policy_incarnation=runner.snapshot.learner_incarnation,
        policy_version=runner.snapshot.version,
        policy_update=runner.snapshot.update,
    )


def _row(outcome: EpisodeOutcome) -> EvaluatedEpisode:
    return EvaluatedEpisode(
        start_seed=outcome.start_seed,
        success=outcome.success,
        episode_return=outcome.episode_return,
        length=outcome.length,
        why=outcome.why,
    )
