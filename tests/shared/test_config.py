import math
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import dump_toml, load_toml, parse_command_line
from shared.errors import ConfigError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How a network learns."""

    rate: float = 3e-4
    """Step size."""
    clip: float | None = None
    """Largest gradient norm."""

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ConfigError("optimiser", f"rate is {self.rate}", "choose a positive rate")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a configuration may hold."""

    name: str = "run"
    """What it is called."""
    seed: int = 0
    fast: bool = False
    hidden: tuple[int, ...] = (256, 256)
    corner: tuple[float, str] = (0.0, "m")
    mode: Literal["wall", "simulated"] = "wall"
    colour: Colour = Colour.RED
    keys: Path | None = None
    weights: dict[str, float] = field(default_factory=dict)
    actor: Optimiser = Optimiser(rate=1e-3)
    extra: Optimiser | None = None


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def load(tmp_path: Path, text: str, base: Settings | None = None) -> Settings:
    return load_toml(write(tmp_path / "settings.toml", text), Settings, base)


def test_a_file_overrides_what_it_mentions_and_nothing_else(tmp_path: Path):
    settings = load(tmp_path, 'seed = 3\nkeys = "/etc/keys"\n[actor]\nclip = 1\n')
    assert settings == Settings(seed=3, keys=Path("/etc/keys"), actor=Optimiser(rate=1e-3, clip=1.0))
    assert isinstance(settings.actor.clip, float)


def test_a_base_fills_the_rest(tmp_path: Path):
    base = Settings(name="serl", actor=Optimiser(clip=2.0))
    assert load(tmp_path, "[actor]\nrate = 1.0", base).actor == Optimiser(rate=1.0, clip=2.0)
    assert load(tmp_path, "seed = 1", base).name == "serl"
    assert load(tmp_path, '[actor]\nclip = "none"', base).actor.clip is None


@pytest.mark.parametrize(
    ("text", "cause", "cure"),
    [
        ("sed = 1", "unknown key 'sed' in the top level", "did you mean 'seed'?"),
        ("[actor]\nratte = 1.0", "unknown key 'ratte' in [actor]", "did you mean 'rate'?"),
        ("[extra]\nratte = 1.0", "unknown key 'ratte' in [extra]", "did you mean 'rate'?"),
        ('seed = "1"', "seed is '1'", "it must be a whole number"),
        ("seed = 1.0", "seed is 1.0", "it must be a whole number"),
        ("seed = true", "seed is True", "it must be a whole number"),
        ("fast = 1", "fast is 1", "it must be true or false"),
        ("name = 1", "name is 1", "it must be a text"),
        ("hidden = [1, 2.5]", "hidden.1 is 2.5", "it must be a whole number"),
        ("hidden = 256", "hidden is 256", "it must be a list of a whole number"),
        ("corner = [1.0]", "corner has 1 values", "give 2"),
        ('mode = "real"', "mode is 'real'", "it must be one of 'wall', 'simulated'"),
        ('colour = "RED"', "colour is 'RED'", "it must be one of 'red', 'blue'"),
        ("keys = 3", "keys is 3", 'it must be a path or "none"'),
        ('[weights]\na = "x"', "weights.a is 'x'", "it must be a number"),
        ("actor = 3", "[actor] is not a table", "write it as a section [actor]"),
        ("[actor]\nrate = inf", "actor.rate is inf", "give a finite number"),
        ("[actor]\nclip = nan", "actor.clip is nan", "give a finite number"),
        ("[weights]\na = -inf", "weights.a is -inf", "give a finite number"),
        ("corner = [nan, 'm']", "corner.0 is nan", "give a finite number"),
        ("[actor]\nrate = -1", "rate is -1", "choose a positive rate"),
        ("seed = ", "is not TOML", "toml.io"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, cause: str, cure: str):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert cause in refused.value.cause
    assert cure in refused.value.cure


def test_a_missing_file_and_a_missing_key_are_refused(tmp_path: Path):
    @dataclass(frozen=True, kw_only=True)
    class Needs:
        bind: str

    with pytest.raises(ConfigError, match="No such file"):
        load_toml(tmp_path / "absent.toml", Settings)
    with pytest.raises(ConfigError, match="'bind' is missing"):
        load_toml(write(tmp_path / "empty.toml", ""), Needs)


finite = st.floats(allow_nan=False, allow_infinity=False)
optimisers = st.builds(
    Optimiser,
    rate=st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False),
    clip=st.none() | finite,
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
everything = st.builds(
    Settings,
    name=texts,
    seed=st.integers(),
    fast=st.booleans(),
    hidden=st.lists(st.integers(), max_size=4).map(tuple),
    corner=st.tuples(finite, texts),
    mode=st.sampled_from(["wall", "simulated"]),
    colour=st.sampled_from(Colour),
    keys=st.none() | st.just(Path("/a b/'c\"")),
    weights=st.dictionaries(texts, finite, max_size=3),
    actor=optimisers,
    extra=st.none() | optimisers,
)


@given(everything)
def test_what_is_written_is_read_back_equal(tmp_path_factory: pytest.TempPathFactory, settings: Settings):
    path = tmp_path_factory.getbasetemp() / "round-trip.toml"
    assert load_toml(write(path, dump_toml(settings)), Settings) == settings


PRESETS = {"default": Settings(), "serl": Settings(name="serl", seed=7)}


def parse(*argv: str) -> Settings:
    return parse_command_line(Settings, argv, prog="handson x", description="Does x.", presets=PRESETS)


def test_flags_beat_the_file_which_beats_the_preset(tmp_path: Path):
    file = write(tmp_path / "x.toml", 'seed = 1\ncolour = "blue"\n[actor]\nrate = 5.0\n')
    settings = parse(
        "--preset", "serl", "--config", str(file), "--actor.rate", "9", "--hidden", "8", "8", "--fast"
    )
    assert settings == Settings(
        name="serl", seed=1, colour=Colour.BLUE, actor=Optimiser(rate=9.0), hidden=(8, 8), fast=True
    )


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--sed", "1"], "--seed"),
        (["--preset", "srl"], "did you mean 'serl'?"),
        (["--actor.rate", "-1"], "choose a positive rate"),
        (["--config", "/absent.toml"], "name an existing TOML file"),
        (["--config"], "expected one argument"),
        (["--seed", "many"], "--seed"),
    ],
)
def test_a_wrong_command_line_is_told_so_without_a_traceback(
    capsys: pytest.CaptureFixture[str], argv: list[str], told: str
):
    with pytest.raises(SystemExit) as ended:
        parse(*argv)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_help_shows_presets_files_and_field_docstrings(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parse("--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for text in (
        "Does x.",
        "--preset {default,serl}",
        "--config FILE.toml",
        "What it is called.",
        "--actor.clip",
    ):
        assert text in shown


def test_a_flag_that_is_not_finite_is_refused_unless_its_default_is_not_either(capsys):
    @dataclass(frozen=True, kw_only=True)
    class Limits:
        longest: float = math.inf
        share: float = 0.5

    def parse(*argv: str) -> Limits:
        return parse_command_line(Limits, argv, prog="x", description="y")

    assert parse("--longest", "inf", "--share", "0.25") == Limits(share=0.25)
    with pytest.raises(SystemExit):
        parse("--share", "nan")
    assert "share is nan" in capsys.readouterr().err
