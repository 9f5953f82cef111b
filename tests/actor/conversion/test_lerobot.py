"""LeRobotDataset v3.0: what goes out comes back equal; what is written is as the golden schema says."""

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actor import demo
from actor.conversion import exporting, importing
from shared.episodes import EpisodeWriter, group_episodes, read_episodes
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

VECTOR = ObservationEntry(
    name="arm/tcp_position_base_m",
    shape=(3,),
    dtype="float32",
    low=-2.0,
    high=2.0,
    offset=(0.4, 0.0, 0.1),
    scale=(0.1, 0.2, 0.3),
)
WIDTH = ObservationEntry(name="gripper/width_m", shape=(1,), dtype="float32")
ACTIONS = (
    ActionEntry(name="translation_base", low=(-0.02,) * 3, high=(0.02,) * 3, unit="m"),
    ActionEntry(name="gripper", low=(-1.0,), high=(1.0,), unit="open"),
)


def world(cameras=("front/image", "wrist/image"), *, pixels=(6, 8), vectors=(VECTOR, WIDTH), control_hz=10.0):
    images = [ObservationEntry(name=name, shape=(*pixels, 3), dtype="uint8") for name in cameras]
    return InterfaceSpec(
        name="pick", observations=(*vectors, *images), actions=ACTIONS, control_hz=control_hz
    )


class Maker:
    """Episodes of a world, different in everything that a step can hold."""

    def __init__(self, interface, seed):
        self.interface, self.rng = interface, np.random.default_rng(seed)
        self.sequence = itertools.count()

    def observation(self):
        return {
            entry.name: self.rng.integers(1, 256, entry.shape, np.uint8)
            if entry.is_image
            else self.rng.normal(size=entry.shape).astype(np.float32)
            for entry in self.interface.observations
        }

    def action(self):
        return self.rng.uniform(-1, 1, self.interface.action_size).astype(np.float32)

    def step(self, why, *, ended, proposals, terms):
        policy, human = (self.action() if asked else None for asked in proposals)
        final = self.observation() if ended and why is not Why.FAULT else None
        return Step(
            observation=self.observation(),
            chosen_action=self.action(),
            executed_command=self.rng.normal(size=4).astype(np.float32),
            source=list(Source)[self.rng.integers(4)],
            reward=float(np.float32(self.rng.normal())),
            reward_terms={name: float(self.rng.normal()) for name in terms},
            terminated=ended and why in (Why.SUCCESS, Why.FAILURE),
            truncated=ended and why not in (Why.SUCCESS, Why.FAILURE),
            why=why if ended else None,
            policy_action=policy,
            human_action=human,
            final_observation=final,
        )

    def records(self, number, shape):
        length, why, kind, proposals, terms = shape
        return [
            StepRecord(
                identity=StepId("actor", "life", number, at),
                sequence=next(self.sequence),
                kind=kind,
                time_seconds=1.7e9 + number + at / 10,
                step=self.step(
                    why,
                    ended=why is not None and at == length - 1,
                    proposals=proposals[at % 3],
                    terms=terms[at % 2],
                ),
            )
            for at in range(length)
        ]


def recorded(path, interface, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with EpisodeWriter(path, interface, opened_by="test") as writer:
        for record in records:
            writer.write(record)


def there_and_back(directory, *options):
    out = directory / "data set"
    assert exporting.main([str(directory / "demos.mcap"), "--out", str(out), *map(str, options)]) == 0
    assert importing.main([str(out), "--out", str(directory / "back")]) == 0
    return out, read_episodes(directory / "back" / "demos.mcap")


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, Step):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    else:
        assert one == other


def assert_same_episodes(before, after):
    assert len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        assert one.kind is other.kind
        assert [r.time_seconds for r in one.steps] == [r.time_seconds for r in other.steps]
        for mine, theirs in zip(one.steps, other.steps, strict=True):
            assert_same(mine.step, theirs.step)


SHAPES = st.lists(
    st.tuples(
        st.integers(1, 7),
        st.sampled_from([*Why, None]),
        st.sampled_from(EpisodeKind),
        st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=3),
        st.lists(st.lists(st.sampled_from(["success", "near"]), unique=True), min_size=2, max_size=2),
    ),
    min_size=1,
    max_size=4,
)
SIMPLE = (4, Why.SUCCESS, EpisodeKind.DEMO, [(True, True)] * 3, [["success"]] * 2)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    SHAPES,
    st.sampled_from([(), ("front/image",), ("front/image", "wrist/image")]),
    st.booleans(),
    st.integers(0, 999),
)
def test_what_goes_out_comes_back_equal(tmp_path_factory, shapes, cameras, seeing_alone, seed):
    directory = tmp_path_factory.mktemp("lerobot")
    interface = world(cameras, vectors=() if seeing_alone and cameras else (VECTOR, WIDTH))
    maker = Maker(interface, seed)
    records = [record for number, shape in enumerate(shapes) for record in maker.records(number, shape)]
    recorded(directory / "demos.mcap", interface, records)
    _, file = there_and_back(directory)
    assert file.interface == interface
    assert_same_episodes(list(group_episodes(records)), list(group_episodes(file.records())))


def test_files_roll_over_and_are_read_in_order(tmp_path):
    interface = world(pixels=(40, 40))
    maker = Maker(interface, 3)
    records = [record for number in range(6) for record in maker.records(number, SIMPLE)]
    recorded(tmp_path / "demos.mcap", interface, records)
    out, file = there_and_back(tmp_path, "--data-file-mb", 0.06)
    assert len(list(out.glob("data/chunk-000/*.parquet"))) > 2
    assert_same_episodes(list(group_episodes(records)), list(group_episodes(file.records())))


def test_corrections_are_exported_and_gaps_left_out(tmp_path, capsys):
    interface = world(("front/image",))
    maker = Maker(interface, 3)
    first, second = maker.records(0, SIMPLE), maker.records(1, SIMPLE)
    amend = AmendRecord(
        actor_id="actor",
        incarnation="life",
        sequence=99,
        time_seconds=0.0,
        target=first[-1].identity,
        reward=5.0,
    )
    recorded(tmp_path / "demos.mcap", interface, [*first, *second[:1], *second[2:], amend])
    _, file = there_and_back(tmp_path)
    [episode] = group_episodes(file.records())
    assert episode.steps[-1].step.reward == 5.0
    assert "steps of it are missing" in capsys.readouterr().out.replace("\n", " ")


def test_the_schema_is_the_golden_one(tmp_path, repository):
    interface = world(("front/image",))
    maker = Maker(interface, 1)
    recorded(tmp_path / "demos.mcap", interface, maker.records(0, SIMPLE))
    out, _ = there_and_back(tmp_path)
    written = {
        "info": json.loads((out / "meta/info.json").read_text()),
        "statistics": {
            feature: {name: np.shape(value) for name, value in found.items()}
            for feature, found in json.loads((out / "meta/stats.json").read_text()).items()
        },
        "files": sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()),
        "columns": {
            str(path.relative_to(out)): {field.name: str(field.type) for field in pq.read_schema(path)}
            for path in sorted(out.rglob("*.parquet"))
        },
    }
    golden = repository / "tests" / "golden" / "lerobot_v3" / "schema.json"
    assert json.loads(json.dumps(written)) == json.loads(golden.read_text())


def test_statistics_are_those_of_the_values(tmp_path):
    interface = world(("front/image",), pixels=(16, 16))
    maker = Maker(interface, 5)
    records = [record for number in range(3) for record in maker.records(number, SIMPLE)]
    recorded(tmp_path / "demos.mcap", interface, records)
    out, _ = there_and_back(tmp_path)
    found = json.loads((out / "meta/stats.json").read_text())
    actions = np.stack([record.step.chosen_action for record in records]).astype(np.float64)
    np.testing.assert_allclose(found["action"]["mean"], actions.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["action"]["q90"], np.quantile(actions, 0.9, axis=0), rtol=1e-6)
    pictures = np.stack([record.step.observation["front/image"] for record in records]) / 255.0
    for name, value in (
        ("mean", pictures.mean),
        ("std", pictures.std),
        ("min", pictures.min),
        ("max", pictures.max),
    ):
        expected = value(axis=(0, 1, 2)).reshape(3, 1, 1)
        np.testing.assert_allclose(found["observation.images.front"][name], expected, atol=1e-9)
    median = np.quantile(pictures.reshape(-1, 3), 0.5, axis=0).reshape(3, 1, 1)
    np.testing.assert_allclose(found["observation.images.front"]["q50"], median, atol=1.5 / 255)


def smooth(rng, shape):
    """A picture that a video encoder does well."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    waves = [np.sin(rows / 20 + phase) + np.cos(columns / 25 - phase) for phase in rng.uniform(0, 6, 3)]
    return (np.stack(waves, axis=-1) * 50 + 128).astype(np.uint8)


def test_videos_show_the_same_pictures_nearly_and_in_their_places(tmp_path, monkeypatch):
    interface = world(pixels=(64, 96))
    maker = Maker(interface, 2)
    monkeypatch.setattr(
        maker,
        "observation",
        lambda: {
            e.name: smooth(maker.rng, e.shape) if e.is_image else np.zeros(e.shape, np.float32)
            for e in interface.observations
        },
    )
    long = (25, *SIMPLE[1:])  # longer than what the encoder holds back
    records = [record for number in range(3) for record in maker.records(number, long)]
    recorded(tmp_path / "demos.mcap", interface, records)
    out, file = there_and_back(tmp_path, "--pictures", "video")
    assert len(list(out.glob("videos/*/chunk-000/*.mp4"))) == 2
    after = [record for episode in group_episodes(file.records()) for record in episode.steps]
    for before, shown in zip(records, after, strict=True):
        for name in ("front/image", "wrist/image"):
            error = np.abs(
                before.step.observation[name].astype(int) - shown.step.observation[name].astype(int)
            )
            others = [
                np.abs(
                    other.step.observation[name].astype(int) - shown.step.observation[name].astype(int)
                ).mean()
                for other in records
                if other is not before
            ]
            assert error.mean() < min(6.0, *others)
    assert_same(records[-1].step.final_observation, after[-1].step.final_observation)


def test_without_our_folder_it_is_read_as_anybodys(tmp_path, imports):
    interface = world(("front/image",))
    maker = Maker(interface, 4)
    shapes = [SIMPLE, (5, Why.TIME_LIMIT, *SIMPLE[2:])]
    records = [record for number, shape in enumerate(shapes) for record in maker.records(number, shape)]
    recorded(tmp_path / "demos.mcap", interface, records)
    out, _ = there_and_back(tmp_path)
    shutil.rmtree(out / "handson")
    _, found, [success, cut] = imports(out)
    assert [(entry.name, entry.shape) for entry in found.observations] == [
        ("state", (4,)),
        ("front/image", (6, 8, 3)),
    ]
    assert (len(success.steps), len(cut.steps)) == (4, 4)
    assert success.steps[-1].step.terminated
    last = cut.steps[-1].step
    assert (last.truncated, last.why) == (True, Why.TIME_LIMIT)
    np.testing.assert_array_equal(
        last.final_observation["front/image"], records[-1].step.observation["front/image"]
    )
    np.testing.assert_array_equal(last.chosen_action, records[-2].step.chosen_action)
    told = json.loads((tmp_path / "out" / "import.json").read_text())["account"]
    assert any("last action was left out" in said for said in told["last steps"])
    assert any("handson.policy_action" in said for said in told["left out"])


@pytest.fixture
def exported(tmp_path):
    interface = world(("front/image",))
    recorded(tmp_path / "demos.mcap", interface, Maker(interface, 4).records(0, SIMPLE))
    out, _ = there_and_back(tmp_path)
    return out


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_table(path, name, change):
    table = pq.read_table(path)
    values = change(table.column(name).to_pylist())
    column = table.schema.field(name)
    at = table.schema.get_field_index(name)
    pq.write_table(table.set_column(at, column, pa.array(values, column.type)), path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: edit_json(d / "meta/info.json", codebase_version="v2.1"), "convert_dataset_v21_to_v30"),
        (lambda d: edit_json(d / "meta/info.json", fps=30), "timestamps"),
        (
            lambda d: edit_json(d / "meta/info.json", features={"../../x": {"dtype": "video", "shape": [1]}}),
            "no sense",
        ),
        (lambda d: edit_json(d / "meta/info.json", fps="fast"), "no LeRobotDataset"),
        (
            lambda d: (d / "data/chunk-000/file-000.parquet").write_bytes(b"PAR1 not finalised"),
            "not finalised",
        ),
        (lambda d: (d / "data/chunk-000/file-000.parquet").unlink(), "no data"),
        (lambda d: (d / "handson/interface.json").write_text("{}"), "no interface"),
        (
            lambda d: edit_table(
                d / "data/chunk-000/file-000.parquet",
                "observation.images.front",
                lambda rows: [None, *rows[1:]],
            ),
            "no picture",
        ),
        (
            lambda d: edit_table(
                d / "data/chunk-000/file-000.parquet", "action", lambda rows: [[7.0] * 4, *rows[1:]]
            ),
            "beyond",
        ),
        (lambda d: edit_table(d / "handson/episodes.parquet", "length", lambda rows: [9]), "edited"),
    ],
)
def test_what_is_wrong_is_refused(exported, tmp_path, spoil, said):
    spoil(exported)
    with pytest.raises(ConfigError) as refused:
        demo.main(["import", str(exported), "--out", str(tmp_path / "refused")])
    assert said in str(refused.value)
    assert not list(tmp_path.glob("refused/*.mcap"))


def test_export_refuses_what_does_not_go_into_the_format(tmp_path):
    odd = world(("front/image",), control_hz=12.5)
    recorded(tmp_path / "odd.mcap", odd, Maker(odd, 0).records(0, SIMPLE))
    with pytest.raises(ConfigError, match="whole number of frames"):
        demo.main(["export", str(tmp_path / "odd.mcap"), "--out", str(tmp_path / "a")])
    interface = world(("front/image",))
    recorded(tmp_path / "fine.mcap", interface, Maker(interface, 0).records(0, SIMPLE))
    (tmp_path / "there").mkdir()
    with pytest.raises(ConfigError, match="exists"):
        demo.main(["export", str(tmp_path / "fine.mcap"), "--out", str(tmp_path / "there")])
    assert not (tmp_path / "a").exists()
