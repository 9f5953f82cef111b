import queue
import threading
import time
from collections.abc import Iterator

import jax
import numpy as np
import pytest

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.sac import SAC
from learner.checkpointer import CheckpointConfig, Checkpointer, Progress, RunIdentity
from learner.config import LearnerConfig
from learner.critics import CriticConfig
from learner.devices import DeviceConfig, prepare_device
from learner.imitation import ImitationConfig
from learner.metrics import MetricsConfig, MetricsLog, Row
from learner.probes import Prober
from learner.publisher import PublishConfig, Publisher
from learner.ratio import RatioConfig
from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.sampler import Sampler, SamplerConfig
from learner.telemetry import Sources, Telemetry
from learner.training import Outlets, Trainer
from shared.clock import ManualClock, SystemClock
from shared.codec import records_message
from shared.errors import HandsOnError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.dialer import Dialer, DialerConfig
from shared.link.listener import ListenerConfig
from shared.policy.acting import make_select_action
from shared.policy.spec import PolicyConfig
from shared.protocol import PROTOCOL_VERSION, Ack, Farewell, Goodbye, Hello, Ready, Welcome
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

RATIO = RatioConfig(utd=4, warmup_steps=5, clock="simulated")
UPDATES = 4


@pytest.fixture(scope="session", autouse=True)
def compile_cache():
    """Every test compiles the same small agent; once is enough."""
    prepare_device(DeviceConfig(device="cpu"))


@pytest.fixture(scope="session")
def interface() -> InterfaceSpec:
    entry = ObservationEntry(
        name="position", shape=(3,), dtype="float32", offset=(0.0,) * 3, scale=(1.0,) * 3
    )
    return InterfaceSpec(
        name="tiny",
        observations=(entry,),
        actions=(ActionEntry(name="move", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
        control_hz=10.0,
    )


@pytest.fixture(scope="session")
def small_agent() -> SACConfig:
    return SACConfig(
        policy=PolicyConfig(hidden=(8,)),
        critic=CriticConfig(hidden=(8,), members=2),
        cloning=CloningConfig(anneal_updates=50),
    )


@pytest.fixture(scope="session")
def agent(small_agent, interface) -> SAC:
    return SAC(small_agent, interface)


@pytest.fixture(scope="session")
def prober(agent) -> Prober:
    return Prober(make_select_action(agent.policy_spec))


@pytest.fixture(scope="session")
def steps():
    """`steps(count, episode_length=10)`: training steps of one stream that follow from their number alone."""

    def make(
        count: int, episode_length: int = 10, kind: EpisodeKind = EpisodeKind.TRAINING
    ) -> list[StepRecord]:
        return [_step(number, episode_length, kind) for number in range(count)]

    return make


def _step(number: int, episode_length: int, kind: EpisodeKind) -> StepRecord:
    rng = np.random.default_rng(number)
    episode, step = divmod(number, episode_length)
    last = step == episode_length - 1

    def observe() -> dict[str, np.ndarray]:
        return {"position": rng.standard_normal(3).astype(np.float32)}

    return StepRecord(
        identity=StepId("actor", "life", episode, step),
        sequence=number,
        kind=kind,
        time_seconds=0.1 * number,
        step=Step(
            observation=observe(),
            chosen_action=rng.uniform(-1, 1, 2).astype(np.float32),
            executed_command=np.zeros(2, np.float32),
            source=Source.SCRIPT if kind is EpisodeKind.DEMO else Source.POLICY,
            reward=float(rng.random()),
            terminated=last,
            why=Why.SUCCESS if last else None,
            final_observation=observe() if last else None,
        ),
    )


class Rows:
    """A sink that keeps rows in memory."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def write(self, row: Row) -> None:
        self.rows.append(row)

    def close(self) -> None:
        pass


class Core:
    """Trainer, sampler and all outlets, without sockets; `stop()` ends once the records are used up."""

    def __init__(self, agent, prober, directory, *, state, progress=None, keep=3, every_updates=None):
        self.agent = agent
        self.arrivals = queue.SimpleQueue()
        self.clock = ManualClock()
        self.sent, self.consumed, self.checks = [], [], []
        self.rows = Rows()
        progress = progress or Progress(ratio={})
        self.sampler = Sampler(
            BatchLayout(interface=agent.interface),
            SamplerConfig(batch_size=8, replay=ReplayConfig(online_rows=500, pinned_rows=100)),
            RATIO,
            seed=0,
            n_step=1,
            discount=0.97,
            arrivals=self.arrivals,
            device_put=jax.device_put,
        )
        self.publisher = Publisher(agent.policy_spec, "life", self.sent.append)
        self.checkpointer = Checkpointer(
            directory / "checkpoints",
            CheckpointConfig(every_seconds=1e9, every_updates=every_updates, keep=keep),
            RunIdentity(spec=agent.policy_spec, incarnation="life", config_toml="", device="cpu"),
            prober,
            lambda position: True,
            self.clock,
        )
        self.metrics = MetricsLog([self.rows])
        sources = Sources(
            gauges=lambda: {"gauge": 1.0},
            stats=list,
            env_steps=lambda: self.sampler.ratio.training_steps,
        )
        self.telemetry = Telemetry(
            self.metrics, sources, MetricsConfig(every_seconds=5.0), progress, self.clock
        )
        outlets = Outlets(
            publisher=self.publisher,
            checkpointer=self.checkpointer,
            telemetry=self.telemetry,
            consumed=self.consumed.append,
            checks=(self.sampler.check, *self.checks),
        )
        publish = PublishConfig(every_calls=1, every_seconds=0.0)
        self.trainer = Trainer(agent, state, progress, self.sampler, outlets, publish, self.clock)

    def feed(self, records) -> None:
        for position, record in enumerate(records):
            self.arrivals.put((position, record))

    def stop(self) -> str | None:
        return "used up" if self.sampler.finished else None

    def run(self, records, between=lambda: None) -> str:
        """Train on exactly these records; `between` is called between turns of the loop."""
        self.feed(records)
        self.sampler.start()
        self.sampler.drain()
        cause = self.trainer.run(lambda: (between(), self.stop())[1])
        self.trainer.settle()
        return cause

    def close(self) -> None:
        self.sampler.close(5.0)
        self.publisher.close(5.0)
        self.checkpointer.close(5.0)
        self.metrics.close(5.0)


@pytest.fixture
def make_core(agent, prober, tmp_path) -> Iterator:
    """`make_core(**settings)`: a `Core` with a fresh state in this test's directory."""
    made: list[Core] = []

    def make(**settings) -> Core:
        settings.setdefault("state", agent.init(jax.random.key(0)))
        made.append(Core(agent, prober, tmp_path, **settings))
        return made[-1]

    yield make
    for core in made:
        core.close()


@pytest.fixture
def config(tmp_path, small_agent, free_port):
    return LearnerConfig(
        run_dir=tmp_path / "run",
        agent=small_agent,
        end_with_actors=True,
        hardware=DeviceConfig(device="cpu"),
        listener=ListenerConfig(bind=f"tcp://127.0.0.1:{free_port()}"),
        ratio=RATIO,
        sampler=SamplerConfig(batch_size=8, replay=ReplayConfig(online_rows=500, pinned_rows=100)),
        imitation=ImitationConfig(updates=20, updates_per_call=10, batch_size=8),
        checkpoints=CheckpointConfig(every_updates=20, keep=100),
        metrics=MetricsConfig(every_seconds=0.2),
    )


class SmallActor(threading.Thread):
    """Delivers records to a learner once it is ready, and says Goodbye when all are durable."""

    def __init__(self, address: str, interface: InterfaceSpec, records) -> None:
        super().__init__(name="small actor", daemon=True)
        self._hello = Hello(
            protocol_version=PROTOCOL_VERSION,
            channel="control",
            actor_id="actor",
            incarnation="life",
            interface=interface,
            clock="simulated",
            code_version="test",
            host="here",
        )
        self._address = address
        self._records = list(records)
        self.failure: BaseException | None = None
        self._leaving = threading.Event()
        self.messages: list[object] = []

    def run(self) -> None:
        dialer = Dialer(DialerConfig(connect=self._address), self._hello, SystemClock())
        try:
            self._deliver(dialer)
        except (AssertionError, HandsOnError) as failure:
            self.failure = failure
        finally:
            dialer.close(1.0)

    def leave(self) -> None:
        """Give up: the learner is gone."""
        self._leaving.set()
        self.join(10.0)

    def _deliver(self, dialer: Dialer) -> None:
        self._until(dialer, Ready)
        count = len(self._records)
        if count:
            assert dialer.send("control", *records_message(self._records))
            self._until(dialer, lambda message: isinstance(message, Ack) and message.durable == count)
        assert dialer.send("control", Goodbye({"life/produced": count}))
        self._until(dialer, Farewell)

    def _until(self, dialer: Dialer, wanted) -> None:
        is_it = wanted if not isinstance(wanted, type) else lambda message: isinstance(message, wanted)
        deadline = time.monotonic() + 60
        while not any(is_it(message) or _says_ready(message, wanted) for message in self.messages):
            assert time.monotonic() < deadline, self.messages
            if self._leaving.is_set():
                return
            self.messages += [received.message for received in dialer.poll(0.02)]


def _says_ready(message: object, wanted: object) -> bool:
    return wanted is Ready and isinstance(message, Welcome) and message.state == "ready"


@pytest.fixture
def small_actor(interface) -> Iterator:
    """`small_actor(address, records)`: started; joined when the test ends, and its failure raised."""
    started: list[SmallActor] = []

    def start(address: str, records) -> SmallActor:
        started.append(SmallActor(address, interface, records))
        started[-1].start()
        return started[-1]

    yield start
    for actor in started:
        actor.join(10.0)
        assert not actor.is_alive()
        if actor.failure is not None:
            raise actor.failure
