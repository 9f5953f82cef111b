"""The key by which a person denies a success."""

from collections.abc import Sequence

from actor.operating.robot_operator import Operator
from actor.rewards.base import DeniedReward, RewardModel

MEANING = "n that was no success"


def deny_by_key(operator: Operator, judges: Sequence[RewardModel]) -> None:
    """Bind n to take back what was called a success last, by whichever of these; none where none may err."""
    fallible = [judge for judge in judges if isinstance(judge, DeniedReward)]
    if not fallible:
        return

    def deny() -> None:
        operator.tell(max(fallible, key=lambda judge: judge.success_seconds).deny())

    operator.bind({"n": deny}, MEANING)
    if operator.present:
        operator.tell(MEANING)
