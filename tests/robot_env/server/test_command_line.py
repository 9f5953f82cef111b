from pathlib import Path

import pytest

from robot_env.server.command_line import parse
from robot_env.server.config import RobotServerConfig, SupervisionConfig
from robot_env.server.drivers.faulty import FaultyDriverConfig
from robot_env.server.drivers.simulated import SimulatedDriverConfig
from robot_env.server.drivers.simulated_hand import SimulatedHandConfig
from robot_env.server.main import main
from robot_env.server.procedures import ProcedureConfig
from shared.errors import ConfigError


def test_the_chosen_drivers_settings_are_on_the_command_line() -> None:
    settings = parse(
        ["--driver", "simulated", "--arm.ramp-seconds", "0.5", "--fingers.slower", "2", "--servo-hz", "100"]
    )
    assert settings.server == RobotServerConfig(servo_hz=100.0)
    assert settings.driver == SimulatedDriverConfig(ramp_seconds=0.5)
    assert settings.hand == SimulatedHandConfig(slower=2.0)


def test_a_file_names_the_driver_and_its_settings(tmp_path: Path) -> None:
    file = tmp_path / "robot.toml"
    file.write_text(
        'driver = "faulty"\nhand = "none"\nhost = "10.0.0.2"\n[arm]\nscript = ["freeze@1+1"]\n'
        "[limits]\nlow_m = [0.3, -0.2, 0.05]\n"
    )
    settings = parse(["--config", str(file)])
    assert settings.driver == FaultyDriverConfig(script=("freeze@1+1",), host="10.0.0.2")
    assert settings.hand is None
    assert settings.server.limits.low_m == (0.3, -0.2, 0.05)


def test_an_unknown_driver_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'simulated'"):
        parse(["--driver", "simulatd"])


def test_a_wrong_setting_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(["--bind", "nowhere"])
    assert "is not an address" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: RobotServerConfig(servo_hz=5.0),
        lambda: RobotServerConfig(state_hz=500.0),
        lambda: RobotServerConfig(lease_seconds=0.0),
        lambda: SupervisionConfig(answer_seconds=0.0),
        lambda: RobotServerConfig(serl_http=99999),
        lambda: RobotServerConfig(serl_http=-1),
        lambda: ProcedureConfig(speed_share=1.5),
        lambda: ProcedureConfig(longest_seconds=float("inf")),
    ],
)
def test_settings_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        wrong()


def test_a_log_where_nobody_may_write_is_refused_before_the_arm_is_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write") as raised:
        main(["--bind", "tcp://127.0.0.1:0", "--log-file", str(tmp_path / "file" / "robot.log")])
    assert "--log-file" in raised.value.cure
