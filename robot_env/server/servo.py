"""The servo: at every tick one measurement in, at most one reference out, and nothing that waits.

Commands are taken between ticks, in the same thread. What takes longer than a tick is a procedure, of which
there is one at a time; `report` tells how each request ended.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose
from robot_env.server import procedures
from robot_env.server.config import ServoConfig
from robot_env.server.drivers.base import Driver, DriverState
from robot_env.server.errand import Errand
from robot_env.server.guards import Guards
from robot_env.server.mode import ModeMachine, Tell
from robot_env.server.procedures import Procedure
from robot_env.server.recovery import STAGE as RECOVERY
from robot_env.server.recovery import Recovery
from robot_env.server.reference_filter import ReferenceFilter
from robot_env.server.state import Mode
from robot_env.server.told_once import ToldOnce
from robot_env.server.watchdog import Watchdog
from shared.clock import Clock
from shared.errors import HandsOnError, RobotFault

Report = Callable[[int, HandsOnError | None], None]


class Servo:
    """Owns a driver; every method from one thread.

    Args:
        driver, config: connected; bounds and times.
        clock: of set-points, watchdog and procedures.
        report: called with a request and why it failed, or None once it is done.
        tell: called with every event.

    Attributes:
        state: the newest measurement.
        modes: the mode and its reason.
    """

    def __init__(self, driver: Driver, config: ServoConfig, clock: Clock, report: Report, tell: Tell) -> None:
        self._driver, self._config, self._clock, self._report = driver, config, clock, report
        self._guards = Guards(config.limits)
        self._recovery = Recovery(config.recovery)
        self._watchdog = Watchdog(config.watchdog, clock.now())
        self._impedance = config.impedance
        self._errand = Errand()
        self.modes = ModeMachine(tell)
        self._once = ToldOnce(self.modes)
        self.state = driver.read()
        self._filter = ReferenceFilter(config.motion, self.state.tcp, clock.now())

    def tick(self) -> None:
        """Measure, judge, move. Raises DriverLost."""
        now = self._clock.now()
        self.state = state = self._driver.read()
        if self._arm_stopped(state, now):
            return
        if self.modes.mode != "ready" and (danger := self._guards.danger(state)):
            self.modes.tell("guard", danger, now)
            self.end_motion(danger, now)
        if self._errand.under_way:
            self._continue(state, now)
        elif self.modes.mode in ("moving", "holding"):
            self._follow(state, now)

    def set_point(self, target: Pose, age_seconds: float, period_seconds: float) -> None:
        """Follow a target from now on, bounded by the guards; not while stopped or busy."""
        now = self._clock.now()
        if self._errand.under_way or self.modes.mode not in ("moving", "holding"):
            return
        if self._watchdog.is_stale(age_seconds, period_seconds):
            self._once.tell("guard", (f"a set-point was {age_seconds:.1f} s under way",), now)
            return
        admitted = self._guards.admit(target, self.state)
        if admitted.target is None:
            self._once.tell("guard", admitted.reasons, now)
            return
        self._once.tell("limited", admitted.reasons, now)
        self._watchdog.set_point(now, period_seconds)
        self._filter.target = admitted.target
        self.modes.enter("moving", now)

    def hold(self) -> None:
        """Stay where the tool is, which ends a reset; keeps the watchdog from ending the motion."""
        now = self._clock.now()
        if self.modes.mode == "resetting":
            self.end_motion("told to hold", now)
        elif self.modes.mode in ("moving", "holding") and not self._errand.under_way:
            self._watchdog.hold(now)
            if self.modes.mode == "moving":
                self._hold_here("told to hold", now)

    def enable(self, request: int) -> None:
        """Resume motion after a stop."""
        if self.modes.mode in ("moving", "holding") and not self._errand.under_way:
            self._report(request, None)
        else:
            self._begin("holding", "engaging", self._engaging(), request)

    def comply(self, impedance: Impedance, request: int) -> None:
        """Another spring and damper, at once where the arm tracks, else from when it does."""
        same, self._impedance = impedance == self._impedance, impedance
        if same or self._errand.under_way or self.modes.mode not in ("moving", "holding"):
            self._report(request, None)
        else:
            self._begin("holding", "engaging", self._engaging(), request)

    def reset(self, tcp: Pose, timeout_seconds: float, request: int) -> None:
        """Bring the tool to a pose, then hold it there."""
        ways, top = self._config.procedures, self._config.limits.high_m[2]
        try:
            self._guards.require_start(tcp)
            procedures.require_time(timeout_seconds, ways)
        except HandsOnError as error:
            self._report(request, error)
            return
        motion = procedures.reset(self._driver, tcp, top, ways, self._clock, timeout_seconds)
        self._begin("resetting", f"to {tcp.position_m.round(3)} m", self._resetting(motion), request)

    def reset_joints(self, timeout_seconds: float, request: int) -> None:
        """Bring the joints to their posture, then hold."""
        ways, top = self._config.procedures, self._config.limits.high_m[2]
        try:
            procedures.require_time(timeout_seconds, ways)
        except HandsOnError as error:
            self._report(request, error)
            return
        motion = procedures.reset_joints(self._driver, top, ways, self._clock, timeout_seconds)
        self._begin("resetting", "joints", self._resetting(motion), request)

    def guide(self, on: bool, request: int) -> None:
        """Be led by hand, or stop being."""
        if on:
            self._begin("guiding", "", self._guiding(), request)
        elif self.modes.mode == "guiding":
            self._start(self._stopping(), request)
        else:
            self._report(request, None)

    def recover(self, operator: bool, request: int) -> None:
        """Clear an error, if the rules allow."""
        now = self._clock.now()
        if self.modes.mode != "reflex":
            self._report(request, None)
            return
        try:
            self._recovery.require(self.state.errors, now, operator=operator)
        except HandsOnError as error:
            self.modes.tell("recovery_refused", error.cause, now)
            self._report(request, error)
            return
        self._start(self._recovering(", ".join(self.state.errors)), request)

    def release(self) -> None:
        """Hold where the tool is, then end the motion: for whoever leaves."""
        with self._abandoning("the robot server ends"):
            pass
        if self.modes.mode not in ("reflex", "user_stop"):
            self._driver.stop()

    def _arm_stopped(self, state: DriverState, now: float) -> bool:
        """Whether the arm itself refuses to move; takes note of it, and of its end."""
        mode = self.modes.mode
        if state.activity == "reflex":
            if mode != "reflex":
                names = ", ".join(state.errors) or "no reason given"
                with self._abandoning(f"the arm stopped: {names}"):
                    self.modes.enter("reflex", now, names)
                self.modes.tell("reflex", names, now)
            return not self._errand.under_way
        if state.activity == "user_stop":
            if mode != "user_stop":
                with self._abandoning("the enabling device was released"):
                    self.modes.enter("user_stop", now, "the enabling device is released")
            return True
        if mode in ("user_stop", "reflex") and not self._errand.under_way:
            self.modes.enter("ready", now, f"after {mode}: enable resumes")
        return False

    def _continue(self, state: DriverState, now: float) -> None:
        error = self._errand.advance(state)
        if self._errand.under_way:
            return
        if error is not None and self.modes.mode == "resetting":
            self.modes.tell("reset_failed", error.cause, now)
        if error is not None and self.modes.mode not in ("reflex", "user_stop"):
            self.end_motion(error.cause, now)
        self._report(self._errand.request, error)

    def _follow(self, state: DriverState, now: float) -> None:
        verdict = self._watchdog.verdict(now)
        if verdict == "stop":
            self.end_motion("no set-point and no hold: enable resumes", now)
            self.modes.tell("watchdog_stop", "the motion ended", now)
            return
        if state.activity != "tracking":
            self.end_motion(f"the arm ended its motion ({state.activity})", now)
            return
        if verdict == "hold" and self.modes.mode == "moving":
            self._hold_here("no set-point came", now)
            self.modes.tell("watchdog_hold", "no set-point came", now)
        if self._guards.presses(self._filter.target, state):
            self._once.tell("guard", ("force",), now)
            self._filter.target = state.tcp
        self._driver.track(self._filter.step(now))

    def _hold_here(self, reason: str, now: float) -> None:
        self._filter.target = self.state.tcp
        self.modes.enter("holding", now, reason)

    def end_motion(self, reason: str, now: float) -> None:
        """Stop, and wait to be enabled."""
        if self.modes.mode == "ready":
            return
        with self._abandoning(reason):
            self._driver.stop()
            self.modes.enter("ready", now, reason)

    @contextmanager
    def _abandoning(self, cause: str) -> Iterator[None]:
        """End what is under way; whoever waits for it hears of it after what happens within."""
        request, dropped = self._errand.request, self._errand.drop()
        if dropped and self.modes.mode == "resetting":
            self.modes.tell("reset_failed", cause, self._clock.now())
        yield
        if dropped:
            self._report(request, RobotFault("moving the arm", cause, "see what stopped it, then reset"))

    def _begin(self, mode: Mode, reason: str, procedure: Procedure, request: int) -> None:
        if self.modes.mode in ("reflex", "user_stop"):
            procedure.close()
            why = f"the arm is in {self.modes.mode}: {self.modes.reason}"
            self._report(request, RobotFault("moving the arm", why, "recover first"))
            return
        with self._abandoning("another request came"):
            now = self._clock.now()
            if self.modes.mode in ("guiding", "resetting"):
                self._driver.stop()
                self.modes.enter("ready", now)
            self.modes.enter(mode, now, reason)
        self._start(procedure, request)

    def _start(self, procedure: Procedure, request: int) -> None:
        with self._abandoning("another request came"):
            pass
        if (error := self._errand.start(procedure, request)) is not None:
            self._report(request, error)

    def _engaging(self) -> Procedure:
        if self.state.activity not in ("idle", "tracking"):
            yield from procedures.stop(self._driver, self._clock, procedures.ENGAGE)
        ways, asked = self._config.procedures, self._impedance
        state = yield from procedures.engage(self._driver, asked, ways, self._clock)
        if asked != self._impedance:  # another one came while the gains rose
            return (yield from self._engaging())
        self._filter = ReferenceFilter(self._config.motion, state.tcp, now := self._clock.now())
        self._watchdog.hold(now)
        self.modes.enter("holding", now)
        return state

    def _resetting(self, motion: Procedure) -> Procedure:
        yield from motion
        state = yield from self._engaging()
        self.modes.tell("reset_done", f"at {state.tcp.position_m.round(4)} m", self._clock.now())
        return state

    def _guiding(self) -> Procedure:
        state = yield from procedures.stop(self._driver, self._clock, "guiding the arm")
        self._driver.guide()
        return state

    def _stopping(self) -> Procedure:
        state = yield from procedures.stop(self._driver, self._clock, "guiding the arm")
        self.modes.enter("ready", self._clock.now(), "after guiding: enable resumes")
        return state

    def _recovering(self, names: str) -> Procedure:
        self._driver.recover()
        state = yield from procedures.wait(
            lambda s: s.activity == "idle",
            self._config.recover_seconds,
            self._clock,
            RECOVERY,
            f"{names} did not clear",
        )
        now = self._clock.now()
        self.modes.enter("ready", now, f"recovered from {names}: enable resumes")
        self.modes.tell("recovered", f"{names}, {self._recovery.within_hour(now)} within the hour", now)
        return state
