"""Session: the actor's conversation with the learner, on a thread of its own that owns the Dialer.

It sends what the uplink has to send, brings back acknowledgements, feeds the newest policy to the
PolicyFeed, and hears when training ends. A broken connection or a restarted learner only means another
Welcome: the windows go back to the learner's watermarks and everything goes on.
"""

import logging
import queue
import threading

from actor.inquiries import Inquiries
from actor.outbox import Batch, Outbox
from actor.pacing import Pacing
from actor.policy_feed import PolicyFeed
from actor.uplink import Uplink
from shared.clock import Clock, SystemClock
from shared.delivery import DeliveryCounters, total_counters
from shared.errors import HandsOnError
from shared.link.dialer import Dialer, DialerConfig
from shared.protocol import (
    Ack,
    Farewell,
    Goodbye,
    Hello,
    Malformed,
    Message,
    NoTrunk,
    Progress,
    Ready,
    Snapshot,
    Stats,
    Stop,
    Trunk,
    Welcome,
)

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_BLOCKED_SECONDS = 0.01
_BATCH_RECORDS = 64
_BATCH_BYTES = 2**20
_BATCHES_A_TURN = 8
_MAX_STATS = 256
_MAX_RESEND_SECONDS = 60.0
_LINGER_SECONDS = 0.5
_SLICE_SECONDS = 0.2


class Session:
    """One conversation with one learner, through reconnections. The thread starts with `start`.

    Args:
        config: where the learner is.
        hello: who this is; control channel.
        uplink: what there is to send.
        feed: where policies go; None asks for none.

    Raises:
        HandsOnError: an address or a key is wrong.
    """

    def __init__(
        self,
        config: DialerConfig,
        hello: Hello,
        uplink: Uplink,
        feed: PolicyFeed | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._uplink = uplink
        self._deliveries = uplink.deliveries
        self._clock = clock or SystemClock()
        self._pacing = Pacing()
        self._stats: queue.SimpleQueue[Stats] = queue.SimpleQueue()
        self._welcomed = threading.Event()
        self._farewell = threading.Event()
        self._farewell_counters: dict[str, int] = {}
        self._goodbye: Goodbye | None = None
        self._goodbye_sent = False
        self._ready = False
        self._stop_cause: str | None = None
        self._failure: BaseException | None = None
        self._closing = False
        self._known = False
        self._resend_seconds = self._patience_seconds = config.lease_seconds
        self._quiet_since = self._clock.now()
        self._incarnation = hello.incarnation
        self._dialer = Dialer(config, hello, self._clock)
        self._inquiries = Inquiries(self._dialer, feed, self._clock)
        self._thread = threading.Thread(target=self._guarded, name="session", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the learner answers."""
        return self._dialer.connected

    @property
    def ready(self) -> bool:
        """Whether the learner has compiled and trains as soon as it has data."""
        return self._ready

    @property
    def stop_requested(self) -> str | None:
        """Why this actor should end: the learner said so, or the session failed."""
        return self._stop_cause

    def start(self) -> None:
        """Begin to dial."""
        self._deliveries.subscribe(self._dialer.wake)
        self._thread.start()

    def welcomed(self, timeout_seconds: float) -> bool:
        """Wait for the first Welcome; False at the deadline. Raises as `check`."""
        self._welcomed.wait(timeout_seconds)
        self.check()
        return self._known

    def allowed_training_steps(self) -> int:
        """Training steps of this life that may be produced by now, on a simulated clock."""
        return self._pacing.allowed

    def wait_for_lead(self, produced_training_steps: int, timeout_seconds: float) -> bool:
        """Wait until another training step may be produced; False at the deadline, or when it should stop."""
        return self._pacing.wait(produced_training_steps, timeout_seconds)

    def stats(self, step: int, values: dict[str, float]) -> None:
        """Queue numbers for the learner's charts; dropped when too many wait already."""
        if self._stats.qsize() < _MAX_STATS:
            self._stats.put(Stats(step, values))
        self._dialer.wake()

    def goodbye(self, deadline_seconds: float) -> DeliveryCounters | None:
        """Flush, part, and return the learner's counters of this life's streams; None at the deadline.

        Raises:
            HandsOnError: as `check` and `Uplink.check`.
        """
        deadline = self._clock.now() + deadline_seconds
        while not self._uplink.flush(_SLICE_SECONDS, durable=True):
            self.check()
            if self._clock.now() >= deadline:
                return None
        mine = self._uplink.counters_by_stream()
        self._goodbye = Goodbye(mine)
        self._dialer.wake()
        self._farewell.wait(max(0.0, deadline - self._clock.now()))
        self.check()
        if not self._farewell_counters:
            return None
        self._compare(mine)
        return total_counters(self._farewell_counters)

    def check(self) -> None:
        """Raise what the thread failed with: Refused when the learner will not talk to this actor."""
        if self._failure is not None:
            raise self._failure

    def close(self, deadline_seconds: float) -> None:
        """Hang up; what was not acknowledged stays with the uplink."""
        self._closing = True
        self._deliveries.subscribe(lambda: None)
        self._dialer.wake()
        if self._thread.ident is None:
            self._dialer.close(0.0)
            return
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.error("the link did not end within %.1f s", deadline_seconds)

    def _guarded(self) -> None:
        try:
            self._run()
        except HandsOnError as error:
            self._fail(error)
        except Exception as error:
            log.exception("the session failed")
            self._fail(error)
        finally:
            self._pacing.end()
            self._welcomed.set()
            self._farewell.set()
            self._dialer.close(_LINGER_SECONDS)

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._stop_cause = self._stop_cause or str(error)

    def _run(self) -> None:
        timeout = 0.0
        while not self._closing:
            for received in self._dialer.poll(timeout):
                self._handle(received.message, received.buffers)
            timeout = _POLL_SECONDS
            if self._dialer.connected:
                timeout = self._pump()
                self._resend_if_quiet()
                self._inquiries.ask()
                self._send_stats()
                self._say_goodbye()

    def _handle(self, message: Message, buffers: list[memoryview]) -> None:
        match message:
            case Welcome():
                self._begin(message)
            case Ack():
                if self._deliveries.acknowledge(message.incarnation, message.received, message.durable):
                    self._quiet_since = self._clock.now()
                    self._patience_seconds = self._resend_seconds
            case Progress():
                if message.incarnation == self._incarnation:
                    self._pacing.progress(message)
            case Ready():
                self._ready = True
            case Snapshot() | Trunk() | NoTrunk():
                self._inquiries.take(message, buffers)
            case Stop():
                log.info("the learner says stop: %s", message.cause)
                self._stop_cause = message.cause
                self._pacing.end()
            case Farewell():
                self._farewell_counters = message.counters
                self._farewell.set()
            case Malformed():
                log.error("the learner did not understand a message: %s", message.cause)
            case _:
                log.warning("a learner does not send %s", type(message).__name__)

    def _begin(self, message: Welcome) -> None:
        log.info("welcomed by learner %s, which is %s", message.learner_incarnation, message.state)
        self._ready = message.state == "ready"
        self._resend_seconds = self._patience_seconds = message.lease_seconds
        self._quiet_since = self._clock.now()
        self._goodbye_sent = False
        self._deliveries.welcome(message.received, message.durable)
        self._pacing.welcome(message)
        self._known = True
        self._welcomed.set()

    def _pump(self) -> float:
        """Send some batches, earlier lives first; returns how long to wait for more to do."""
        for _ in range(_BATCHES_A_TURN):
            outbox, batch = self._next()
            if outbox is None or batch is None:
                return _POLL_SECONDS
            if not self._dialer.send("control", batch.message, batch.buffers):
                return _BLOCKED_SECONDS
            outbox.mark_sent(batch)
        return 0.0

    def _next(self) -> tuple[Outbox, Batch] | tuple[None, None]:
        for outbox in self._deliveries.outboxes():
            if (batch := outbox.next_batch(_BATCH_RECORDS, _BATCH_BYTES)) is not None:
                return outbox, batch
        return None, None

    def _resend_if_quiet(self) -> None:
        """No acknowledgement for long: a message was lost or the learner is busy. Try less and less often."""
        now = self._clock.now()
        if not self._deliveries.in_flight:
            self._quiet_since = now
        elif now - self._quiet_since >= self._patience_seconds:
            log.info("no acknowledgement for %.0f s: sending again", now - self._quiet_since)
            self._deliveries.resend()
            self._quiet_since = now
            self._patience_seconds = min(2 * self._patience_seconds, _MAX_RESEND_SECONDS)

    def _send_stats(self) -> None:
        while not self._stats.empty():
            self._dialer.send("control", self._stats.get_nowait())

    def _say_goodbye(self) -> None:
        if self._goodbye is not None and not self._goodbye_sent:
            self._goodbye_sent = self._dialer.send("control", self._goodbye)

    def _compare(self, mine: dict[str, int]) -> None:
        for key in ("produced", "received", "durable", "lost"):
            for name, count in self._farewell_counters.items():
                if name.endswith(f"/{key}") and mine.get(name, count) != count:
                    log.warning("%s: %d here, %d at the learner", name, mine[name], count)
