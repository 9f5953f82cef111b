import json

import jax.numpy as jnp
import pytest
from tensorboardX.proto.event_pb2 import Event

from learner.metrics import JsonLines, MetricsConfig, MetricsLog, TensorBoard, open_sinks
from shared.errors import ConfigError, HandsOnError


@pytest.fixture
def metrics(tmp_path):
    log = MetricsLog(open_sinks(tmp_path, MetricsConfig(), wandb=False, settings={}))
    yield log
    log.close(5.0)


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _scalars(directory):
    """(step, tag, value) of each scalar: records are length, CRC, event, CRC."""
    [path] = directory.glob("events.*")
    data, found = path.read_bytes(), []
    while data:
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        data = data[16 + length :]
    return found


def test_a_learner_row_is_the_mean_over_calls_with_the_gauges(tmp_path, metrics, wait_until):
    calls = [{"q_mean": jnp.float32(value)} for value in (1.0, 2.0, 6.0)]
    metrics.learner(calls, {"utd_actual": 4.0}, env_steps=10, updates=40)
    wait_until(lambda: (tmp_path / "metrics.jsonl").read_text(), 5.0, "the line is on disk before the close")
    [line] = _lines(tmp_path / "metrics.jsonl")
    assert line.pop("time_seconds") > 1e9
    assert line == {"kind": "learner", "env_steps": 10, "updates": 40, "q_mean": 3.0, "utd_actual": 4.0}
    wait_until(lambda: metrics.latest.get("q_mean") == 3.0, 5.0)


def test_actors_rows_say_who_and_evaluations_are_told_apart(tmp_path, metrics):
    metrics.actor("a0", {"actor/policy_age_seconds": 0.5}, env_steps=3, updates=1)
    metrics.actor("a0", {"evaluation/success_rate": 1.0}, env_steps=4, updates=2)
    metrics.close(5.0)
    first, second = _lines(tmp_path / "metrics.jsonl")
    assert (first["kind"], first["actor_id"], first["actor/policy_age_seconds"]) == ("actor", "a0", 0.5)
    assert (second["kind"], second["evaluation/success_rate"]) == ("evaluation", 1.0)
    assert _scalars(tmp_path / "tensorboard") == [
        (3, "actor/policy_age_seconds/a0", 0.5),
        (4, "evaluation/success_rate/a0", 1.0),
    ]


def test_a_resumed_run_appends(tmp_path):
    for env_steps in (1, 2):
        log = MetricsLog([JsonLines(tmp_path / "metrics.jsonl")])
        log.learner([], {}, env_steps=env_steps, updates=0)
        log.close(5.0)
    assert [line["env_steps"] for line in _lines(tmp_path / "metrics.jsonl")] == [1, 2]


def test_a_number_that_is_not_finite_is_still_json(tmp_path, metrics):
    metrics.learner([{"critic_loss": jnp.float32(jnp.nan)}], {}, env_steps=0, updates=1)
    metrics.close(5.0)
    assert _lines(tmp_path / "metrics.jsonl")[0]["critic_loss"] is None


def test_a_full_disk_surfaces_where_training_asks():
    class Full:
        def write(self, row):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    log = MetricsLog([Full()])
    log.learner([], {}, env_steps=0, updates=0)
    log.close(5.0)
    with pytest.raises(HandsOnError, match="No space left"):
        log.check()


def test_wandb_is_asked_for_by_name_and_missing(tmp_path):
    with pytest.raises(ConfigError, match="wandb is not installed") as caught:
        open_sinks(tmp_path, MetricsConfig(), wandb=True, settings={})
    assert "pip install" in caught.value.cure


def test_tensorboard_is_readable_while_the_run_goes_on(tmp_path):
    sink = TensorBoard(tmp_path)
    log = MetricsLog([sink])
    log.learner([], {"utd_actual": 4.0}, env_steps=5, updates=20)
    log.close(5.0)
    assert _scalars(tmp_path) == [(5, "learner/utd_actual", 4.0)]


def test_an_alarm_goes_to_the_log_once_for_each_level(metrics, caplog, wait_until):
    def row(q: float) -> None:
        metrics.learner([], {"q_mean": q, "return_low": 0.0, "return_high": 1.0}, env_steps=5, updates=1)

    for q in (0.5, 9.0, 9.0, 9.0):
        row(q)
    wait_until(lambda: metrics.latest.get("q_mean") == 9.0, 5.0)
    metrics.close(5.0)
    told = [message for message in caplog.messages if "q_out_of_bounds" in message]
    assert len(told) == 1
    assert "the critics diverge" in told[0]
    assert any(finding.name == "q_out_of_bounds" and finding.speaks for finding in metrics.findings)
