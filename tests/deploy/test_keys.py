"""`handson keys`, as two computers of a lab use it."""

from pathlib import Path

import pytest

from deploy.keys import main, this_host
from shared.errors import ConfigError
from shared.link.keys import KeyStore


def test_two_computers_get_to_know_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab, robot = tmp_path / "lab", tmp_path / "robot"
    assert main(["make", "--directory", str(lab), "--host", "lab"]) == 0
    assert main(["make", "--directory", str(robot)]) == 0
    made = capsys.readouterr().out
    assert f"made {lab}/lab.key" in made
    assert "handson keys authorise" in made
    assert main(["authorise", str(robot / f"{this_host()}.key"), "--directory", str(lab)]) == 0
    assert main(["trust", str(lab / "lab.key"), "--directory", str(robot)]) == 0
    assert [key.host for key in KeyStore(lab).authorised()] == [this_host()]
    assert KeyStore(robot).trusted() == KeyStore(lab).own().public


def test_show_prints_public_halves_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = KeyStore(tmp_path)
    pair = store.make("lab")
    main(["authorise", "ab" * 32, "--host", "robot", "--directory", str(tmp_path)])
    main(["trust", "cd" * 32, "--host", "other", "--directory", str(tmp_path)])
    capsys.readouterr()
    assert main(["show", "--directory", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("lets in", "ab" * 32, "trusts the learner", pair.public.key.hex()))
    assert pair.secret.hex() not in shown


def test_what_is_wrong_comes_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="handson keys make"):
        main(["show", "--directory", str(tmp_path)])
    with pytest.raises(ConfigError, match="--host"):
        main(["authorise", "ab" * 32, "--directory", str(tmp_path)])


def test_help_tells_the_whole_way(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    for command in ("make", "authorise robot.key", "trust lab.key", "learner --bind", "actor --connect"):
        assert f"handson {command}" in told or f"handson keys {command}" in told
