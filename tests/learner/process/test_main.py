import dataclasses
import json
import os
import signal
import socket
import threading
import time

import pytest

from learner.checkpoints import list_checkpoints
from learner.config import PRESETS, LearnerConfig
from learner.main import main, with_settings_of_the_run
from learner.start import SETTINGS
from shared.config import dump_toml, load_toml
from shared.errors import ConfigError

FLAGS = (
    *("--run-dir", "--bind", "--keys", "--preset", "--demos", "--resume", "--init-from", "--clock"),
    *("--seed", "--device", "--max-updates", "--max-steps", "--end-with-actors", "--wandb", "--utd"),
)


@pytest.fixture
def settings(tmp_path, config):
    """A file with the settings of a small learner."""
    path = tmp_path / "small.toml"
    path.write_text(dump_toml(config))
    return path


def test_every_preset_is_a_whole_configuration(tmp_path):
    path = tmp_path / "preset.toml"
    for name, preset in PRESETS.items():
        path.write_text(dump_toml(preset))
        assert load_toml(path, LearnerConfig) == preset, name
    assert PRESETS["serl"].ratio.utd == 8
    assert PRESETS["serl"].sampler.demo_share == 0
    assert PRESETS["rlpd"].agent.critic.members == 10


def test_help_names_what_a_newcomer_needs(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in FLAGS:
        assert flag in text, flag


def test_a_run_directory_that_cannot_be_made_is_named(settings, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        main(["--config", str(settings), "--run-dir", str(tmp_path / "file" / "run")])


def test_a_port_in_use_is_named(settings, config, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--config", str(settings), "--bind", f"tcp://127.0.0.1:{port}"]) == 2
    assert str(port) in capsys.readouterr().err
    assert not (config.run_dir / SETTINGS).exists()  # or --resume would try that port again


def test_another_network_without_keys_is_refused_with_the_command_that_makes_them(settings, capsys):
    assert main(["--config", str(settings), "--bind", "tcp://0.0.0.0:5555"]) == 2
    assert "handson keys" in capsys.readouterr().err


def test_an_accelerator_that_is_not_there_is_an_error(settings, capsys):
    assert main(["--config", str(settings), "--device", "gpu"]) == 2
    assert "JAX uses cpu" in capsys.readouterr().err


def test_ctrl_c_saves_what_was_learned_and_ends_in_seconds(settings, config, small_actor, steps, capsys):
    signalled: list[float] = []
    actor = small_actor(config.listener.bind, steps(25))

    def interrupt_once_trained() -> None:
        metrics, deadline = config.run_dir / "metrics.jsonl", time.monotonic() + 60
        while not (metrics.exists() and b'"updates":80' in metrics.read_bytes()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        actor.join(10.0)
        signalled.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt_once_trained)
    watcher.start()
    assert main(["--config", str(settings), "--no-end-with-actors"]) == 0
    watcher.join()
    assert time.monotonic() - signalled[0] < 4
    assert json.loads((config.run_dir / "learner.json").read_text())["cause"] == "SIGINT received"
    assert int(list_checkpoints(config.run_dir / "checkpoints")[0].name) == 80
    assert "critic updates" in capsys.readouterr().out
    assert "ready" in (config.run_dir / "learner.log").read_text()


def test_values_that_are_not_finite_end_training_with_a_report(settings, config, small_actor, steps, capsys):
    """A reward that float32 can just hold, and whose square it cannot."""
    huge = [dataclasses.replace(r, step=dataclasses.replace(r.step, reward=3e38)) for r in steps(25)]
    actor = small_actor(config.listener.bind, huge)
    try:
        assert main(["--config", str(settings)]) == 2
    finally:
        actor.leave()
    text = capsys.readouterr().err
    assert "not finite in" in text
    assert "no checkpoint to go back to" in text
    assert "NonFiniteError" in json.loads((config.run_dir / "learner.json").read_text())["cause"]
    assert list_checkpoints(config.run_dir / "checkpoints") == []


def test_resuming_begins_with_the_settings_of_the_run(tmp_path, config):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "learner.toml").write_text(dump_toml(config))
    argv = ["--run-dir", str(run_dir), "--resume", "--seed", "7"]
    assert with_settings_of_the_run(argv) == ["--config", str(run_dir / "learner.toml"), *argv]
    assert with_settings_of_the_run(["--run-dir", str(run_dir)]) == ["--run-dir", str(run_dir)]
    assert with_settings_of_the_run(["--resume", f"--run-dir={run_dir}"])[0] == "--config"
    assert with_settings_of_the_run(["--run-dir"]) == ["--run-dir"]
