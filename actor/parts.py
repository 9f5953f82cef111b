"""Parts: what practising needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from actor.assistance import Assistance
from actor.choosers import Chooser
from actor.corrections import Corrections
from actor.late_labels import LateLabels
from actor.learner_line import LearnerLine
from actor.live_view import Show
from actor.operating.robot_operator import Operator
from actor.policy_feed import PolicyFeed
from actor.policy_runner import PolicyRunner
from actor.rollout import Rollout
from actor.stop import StopSignal
from actor.telemetry import Telemetry
from actor.uplink import Uplink
from shared.clock import Clock
from shared.step import Source


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What practising needs, put together by `actor.working_life`.

    Attributes:
        who: decides the start states, see `actor.seeds.player`.
        operator: the person at the keys, if there is one.
        assistance: counts what somebody does who may take over; None where nobody may.
        show: takes each step for a live look.
    """

    who: str
    rollout: Rollout
    runner: PolicyRunner
    choosers: Mapping[Source, Chooser]
    uplink: Uplink
    session: LearnerLine
    feed: PolicyFeed
    telemetry: Telemetry
    stop: StopSignal
    clock: Clock
    operator: Operator
    late_labels: LateLabels
    corrections: Corrections
    assistance: Assistance | None = None
    show: Show = lambda step, episode, number: None
