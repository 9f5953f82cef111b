"""WarmUp: who acts before the policy does."""

from collections import Counter

from shared.policy.snapshot import PolicySnapshot
from shared.step import Source


class WarmUp:
    """So many steps by chance, then so many by the script, then the policy.

    A stage ends with the episode in which its last step is made. A learner that has practised before needs
    none of it: when the first policy that this life hears of has critic updates in it, the rest is skipped.
    """

    def __init__(self, *, random_steps: int, scripted_steps: int) -> None:
        self._wanted = {Source.RANDOM: random_steps, Source.SCRIPT: scripted_steps}
        self._made = Counter[Source]()
        self._judged = False

    def turn(self) -> Source:
        """Who plays the next episode."""
        unfinished = (source for source, steps in self._wanted.items() if self._made[source] < steps)
        return next(unfinished, Source.POLICY)

    def count(self, source: Source) -> None:
        """A training step was made."""
        self._made[source] += 1

    def hear_of(self, snapshot: PolicySnapshot) -> None:
        """A policy arrived."""
        if not self._judged and snapshot.update > 0:
            self._wanted = {}
        self._judged = True
