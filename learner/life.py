"""One life of a learner: listen, find out what the world looks like, prepare, train, end in order."""

import logging
from contextlib import ExitStack

from rich.console import Console

from learner.agentlace.gateway import Gateway
from learner.assembly import Parts, Surroundings, assemble
from learner.config import LearnerConfig
from learner.devices import prepare_device
from learner.ending import Ending, Goals, Interrupt
from learner.imitation import CloningInterrupted
from learner.ingest import Ingest
from learner.intake import OnDurable
from learner.log import EpisodeLog
from learner.run_lock import held
from learner.screen import Screen
from learner.start import EPISODES, begin, claim, keep_settings
from learner.summary import Summary, summarise
from shared.clock import Clock
from shared.interface import InterfaceSpec
from shared.step import new_incarnation

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
DURABLE_SECONDS = 5.0
INTERRUPTED_DRAIN_SECONDS = 0.6
PUBLISH_SECONDS = 0.3
LINK_CLOSE_SECONDS = 1.0


class Life:
    """Runs in the main thread; its parts bring their own threads."""

    def __init__(self, config: LearnerConfig, console: Console, interrupt: Interrupt, clock: Clock) -> None:
        self._config = config
        self._console = console
        self._interrupt = interrupt
        self._clock = clock
        self._began = clock.now()
        self._incarnation = new_incarnation()
        self._log: EpisodeLog | None = None
        self._log_records = 0
        self._parts: Parts | None = None
        self._gateway: Gateway | None = None

    def run(self) -> Summary:
        """From the first word to the summary.

        Raises:
            HandsOnError, OSError: what ended it early. The log is synced and a summary is left all the same.
        """
        with held(self._config.run_dir):
            return self._run()

    def _run(self) -> Summary:
        claim(self._config.run_dir, resume=self._config.resume)
        device = prepare_device(self._config.hardware)
        log.info("learner %s computes on %s", self._incarnation, device)
        with ExitStack() as closing:
            ingest = self._listen()
            closing.callback(ingest.close, LINK_CLOSE_SECONDS)
            if not self._config.resume:
                keep_settings(self._config)
            around = Surroundings(
                ingest=ingest,
                incarnation=self._incarnation,
                device=device,
                wait_until_durable=self._wait_until_durable,
                interrupted=lambda: self._interrupt.cause is not None,
                clock=self._clock,
                closing=closing,
            )
            try:
                cause = self._live(around)
            except Exception as error:
                self._leave_summary(around, f"{type(error).__name__}: {error}")
                raise
        return self._leave_summary(around, cause)

    def _live(self, around: Surroundings) -> str:
        """Everything between opening the port and closing it; returns why training ended."""
        ingest, episodes = around.ingest, self._config.run_dir / EPISODES
        self._log_records = ingest.restore(episodes)
        beginning = begin(self._config, self._log_records)
        for interface, whose in beginning.interfaces:
            ingest.use_interface(interface, whose)
        ingest.admit(beginning.admitted)
        ingest.start()
        if self._config.gateway.ports is not None:
            self._gateway = Gateway(self._config.gateway, ingest, self._clock)
            around.closing.callback(self._gateway.close, LINK_CLOSE_SECONDS)
            self._gateway.start()
        log.info("waiting for the first actor, listening on %s", ingest.endpoint)
        interface = self._await_interface(ingest)
        if interface is None:
            return f"{self._interrupt.cause} received"
        try:
            self._parts = assemble(self._config, interface, beginning, around)
        except CloningInterrupted:
            return f"{self._interrupt.cause} received"
        keep_settings(self._config)  # with --resume only now: a flag that was refused is not kept
        del beginning
        cause = self._train(ingest, self._parts)
        self._end(ingest, self._parts, cause)
        return cause

    def _listen(self) -> Ingest:
        return Ingest(
            self._config.listener,
            self._config.ratio,
            incarnation=self._incarnation,
            open_log=self._open_log,
            clock=self._clock,
        )

    def _open_log(self, interface: InterfaceSpec, on_durable: OnDurable) -> EpisodeLog:
        self._log = EpisodeLog(
            self._config.run_dir / EPISODES,
            interface,
            self._clock,
            self._config.episode_log,
            on_durable=on_durable,
            next_position=self._log_records,
        )
        return self._log

    def _wait_until_durable(self, position: int) -> bool:
        return self._log is not None and self._log.wait_durable(position, DURABLE_SECONDS)

    def _await_interface(self, ingest: Ingest) -> InterfaceSpec | None:
        """The interface, from what is known or from the first Hello; None when a signal came first."""
        while self._interrupt.cause is None:
            if (interface := ingest.wait_for_interface(LOOK_SECONDS)) is not None:
                return interface
        return None

    def _train(self, ingest: Ingest, parts: Parts) -> str:
        parts.trainer.publish()
        parts.publisher.drain(DURABLE_SECONDS)
        ingest.progress(parts.sampler.consumed)
        parts.sampler.start()
        ingest.mark_ready()
        log.info("ready")
        ending = Ending(
            Goals(
                max_updates=self._config.max_updates,
                max_steps=self._config.max_steps,
                end_with_actors=self._config.end_with_actors,
            ),
            self._interrupt,
            updates=lambda: parts.trainer.progress.update,
            env_steps=lambda: parts.sampler.ratio.training_steps,
            deserted=lambda: ingest.deserted,
        )
        with Screen(self._config.metrics.screen_seconds, self._clock, self._console) as screen:

            def look() -> str | None:
                screen.show(parts.metrics.latest, parts.metrics.findings)
                return ending.cause()

            return parts.trainer.run(look)

    def _end(self, ingest: Ingest, parts: Parts, cause: str) -> None:
        """Let the actors go, spend what is paid for, publish and save the last state."""
        log.info("ending: %s", cause)
        ingest.stop_actors(cause)
        if self._gateway is not None:
            self._gateway.close(LINK_CLOSE_SECONDS)
        seconds = self._config.drain_seconds
        if self._interrupt.cause is not None:
            seconds = min(seconds, INTERRUPTED_DRAIN_SECONDS)
        deadline = self._clock.now() + seconds
        while ingest.actors() and self._in_time(deadline):
            self._spend(parts)
        parts.sampler.drain()
        while not self._spent(parts) and self._in_time(deadline):
            self._spend(parts)
        parts.trainer.settle()
        if ingest.actors():
            parts.publisher.drain(PUBLISH_SECONDS)
        ingest.close(LINK_CLOSE_SECONDS)
        parts.telemetry.flush(parts.trainer.progress)

    def _in_time(self, deadline: float) -> bool:
        return self._clock.now() < deadline and not self._interrupt.hurry

    def _spent(self, parts: Parts) -> bool:
        most = self._config.max_updates
        return parts.sampler.finished or (most is not None and parts.trainer.progress.update >= most)

    def _spend(self, parts: Parts) -> None:
        """One more call, unless there is none to make."""
        if self._spent(parts):
            self._clock.sleep_until(self._clock.now() + LOOK_SECONDS)
        else:
            parts.trainer.turn(LOOK_SECONDS)

    def _leave_summary(self, around: Surroundings, cause: str) -> Summary:
        summary = summarise(
            self._config, around, self._parts, cause=cause, wall_seconds=self._clock.now() - self._began
        )
        summary.write(self._config.run_dir / "learner.json")
        return summary
