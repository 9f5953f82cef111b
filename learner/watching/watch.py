"""Watch: sees every record that the replay sees, in log order, and keeps figures of them."""

from learner.watching.actions import SaturatedActions
from learner.watching.pictures import Pictures
from learner.watching.rewards import Rewards
from learner.watching.scores import StartScores
from learner.watching.starts import StartStates
from shared.interface import InterfaceSpec
from shared.records import Record, StepRecord
from shared.step import EpisodeKind


class Watch:
    """Owned by one thread; `figures` may be read by any.

    Args:
        interface: what the steps look like.
        discount: gamma of one step, for the return that can be attained.
        returns: see Rewards.

    Attributes:
        figures: numbers by name, replaced as a whole whenever an episode begins or ends.
    """

    def __init__(
        self, interface: InterfaceSpec, discount: float, returns: tuple[float, float] | None = None
    ) -> None:
        self.figures: dict[str, float] = {}
        self._rewards = Rewards(discount, returns)
        self._parts = (
            StartStates(interface),
            Pictures(interface),
            StartScores(),
        )
        self._actions = SaturatedActions(interface)

    def take(self, record: Record) -> None:
        """One record; evaluations and corrections other than of rewards say nothing here."""
        if not isinstance(record, StepRecord):
            self._rewards.amend(record)
            return
        if record.kind is EpisodeKind.EVALUATION:
            return
        demo, step = record.kind is EpisodeKind.DEMO, record.step
        self._rewards.take(record)
        if not demo:
            self._actions.take(step)
        if record.identity.step == 0:
            for part in self._parts:
                part.begin(step, demo=demo)
        if record.identity.step == 0 or step.last:
            self.figures = self._collect()

    def _collect(self) -> dict[str, float]:
        figures = self._rewards.figures() | self._actions.figures()
        for part in self._parts:
            figures |= part.figures()
        return figures
