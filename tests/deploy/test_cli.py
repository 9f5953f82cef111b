import subprocess
import sys
import types

import pytest

from deploy import cli
from shared.errors import ConfigError


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch):
    """`role(function)`: a role called "fake" that runs the function."""

    def install(function):
        module = types.ModuleType("fake_role")
        module.main = function
        monkeypatch.setitem(sys.modules, "fake_role", module)
        monkeypatch.setitem(cli.ROLES, "fake", cli.Role("fake_role:main", "does nothing"))

    return install


def raising(error: BaseException):
    def function(argv):
        raise error

    return function


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_role(arguments: tuple[str, ...]):
    done = run(*arguments)
    assert done.returncode == 0
    assert all(f"  {name}" in done.stdout for name in cli.ROLES)


def test_help_imports_nothing_heavy():
    code = "import sys, deploy.cli; deploy.cli.main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    for module in ("numpy", "jax", "zmq", "tyro", "rich", "gymnasium", "msgspec"):
        assert f"'{module}'" not in loaded


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("handson 0.")


def test_an_unknown_role_is_told_the_nearest(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["lerner"]) == 2
    assert "did you mean 'learner'?" in capsys.readouterr().err


def test_a_role_gets_its_arguments_and_gives_its_status(role):
    seen = []
    role(lambda argv: seen.append(argv) or 3)
    assert cli.main(["fake", "--seed", "1"]) == 3
    assert seen == [["--seed", "1"]]


def test_an_error_a_person_can_act_on_has_no_traceback(role, capsys: pytest.CaptureFixture[str]):
    role(raising(ConfigError("here", "it is wrong", "put it right")))
    assert cli.main(["fake"]) == 2
    assert capsys.readouterr().err == "handson fake: here: it is wrong\n  -> put it right\n"


def test_a_missing_extra_is_named(role, capsys: pytest.CaptureFixture[str]):
    role(raising(ModuleNotFoundError("No module named 'optax'", name="optax")))
    assert cli.main(["fake"]) == 2
    told = capsys.readouterr().err
    assert "needs optax" in told
    assert "make install ROLE=learner" in told


def test_a_fault_of_ours_is_not_hidden(role):
    role(raising(ModuleNotFoundError("No module named 'learner.typo'", name="learner.typo")))
    with pytest.raises(ModuleNotFoundError):
        cli.main(["fake"])


def test_ctrl_c_is_130(role):
    role(raising(KeyboardInterrupt()))
    assert cli.main(["fake"]) == 130
