"""What an actor did, for a person and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.table import Table

from actor.assistance import Helped


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One life of an actor.

    Attributes:
        cause: why it ended.
        steps_produced: steps that the uplink took.
        training_steps: those that earn updates.
        episodes, evaluations: how many there were.
        success_rate: of the last evaluation; None where there was none.
        snapshots_applied: policies acted by.
        policy_age_p99_seconds: age of the policy when it chose.
        selection_p99_seconds: time that it took to choose.
        period_overrun_p99_seconds: lateness of the control period; None on a simulated clock.
        lead_wait_seconds: waiting for the learner on a simulated clock.
        hold_seconds: waiting for a policy, or for room on the disk.
        helped: what somebody with a teleop device did in the policy's episodes; None without a device.
        uplink: the actor's delivery counters.
        judge: which classifiers judged, by name, version and digest; empty where none did.
        judging_p99_seconds: time that one verdict of theirs took.
        learner: the learner's counters for the same streams, by name; empty when it did not answer.
    """

    actor_id: str
    incarnation: str
    environment: str
    cause: str
    wall_seconds: float
    steps_produced: int
    training_steps: int
    episodes: int
    evaluations: int
    success_rate: float | None
    snapshots_applied: int
    policy_age_p99_seconds: float | None
    selection_p99_seconds: float | None
    period_overrun_p99_seconds: float | None
    lead_wait_seconds: float
    hold_seconds: float
    helped: Helped | None
    uplink: Mapping[str, int]
    learner: Mapping[str, int]
    code_version: str
    judge: str = ""
    judging_p99_seconds: float | None = None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def as_table(self) -> Table:
        """For a person."""
        table = Table(title=f"{self.actor_id} on {self.environment}", show_header=False)
        table.add_row("ended because", self.cause)
        table.add_row("training", f"{self.training_steps} steps in {self.episodes} episodes")
        table.add_row("wall time", f"{self.wall_seconds:.1f} s")
        if self.success_rate is not None:
            table.add_row("last evaluation", f"success {self.success_rate:.2f} (of {self.evaluations})")
        table.add_row(
            "policies", f"{self.snapshots_applied} applied, age p99 {_time(self.policy_age_p99_seconds)}"
        )
        table.add_row("action selection", f"p99 {_time(self.selection_p99_seconds)}")
        if self.judge:
            table.add_row("judged by", f"{self.judge}, p99 {_time(self.judging_p99_seconds)}")
        table.add_row("period overrun", f"p99 {_time(self.period_overrun_p99_seconds)}")
        table.add_row(
            "waited", f"{self.lead_wait_seconds:.1f} s for the learner, {self.hold_seconds:.1f} s on hold"
        )
        if self.helped is not None:
            table.add_row("taken over", self.helped.as_line())
        table.add_row("delivered", ", ".join(f"{name} {count}" for name, count in self.uplink.items()))
        table.add_row("learner has", ", ".join(f"{n} {c}" for n, c in self.learner.items()) or "not answered")
        return table


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1e3 * seconds:.2f} ms"
