import base64
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.report.charts import Series, line_chart, number, ticks
from deploy.report.page import Report, render

RESULT = {
    "task": "pick_cube<script>",
    "seed": 3,
    "success_rate": 0.96,
    "success_interval": [0.865, 0.989],
    "eval_episodes": 50,
    "mean_return": 0.96,
    "env_steps": 12000,
    "period_overrun_p99_seconds": None,
    "wall_seconds": 301.0,
    "code_version": "0.1.0+gabc",
    "versions": {"jax": "0.10.2"},
}
EPISODES = [
    {"start_seed": 2_000_000 + i, "success": i != 7, "episode_return": float(i != 7), "length": 40}
    for i in range(50)
]
METRICS = [
    {
        "kind": "learner",
        "env_steps": 100 * i,
        "updates": 400 * i,
        "critic_loss": 1 / (i + 1),
        "q_mean": 0.1 * i,
    }
    for i in range(40)
] + [
    {
        "kind": "evaluation",
        "env_steps": 500 * i,
        "updates": 2000 * i,
        "evaluation/success_rate": i / 8,
        "evaluation/success_low": i / 10,
        "evaluation/success_high": 1.0,
        "evaluation/mean_return": i / 8,
    }
    for i in range(8)
]


CAMERAS = ["front/image", "wrist/image<b>"]
NOWHERE = Path("nowhere")


def page(video: Path | None = None, **changes) -> str:
    fields = {
        "cameras": CAMERAS,
        "strips": NOWHERE / "strips",
        "augmented": NOWHERE / "augmented.png",
        "result": RESULT,
        "metrics": METRICS,
        "episodes": EPISODES,
        "settings": "seed = 3 # <b>",
        "passed": True,
    }
    return render(Report(video=video, **{**fields, **changes}))


def test_it_says_how_it_went():
    text = page()
    assert "96% of 50 greedy episodes succeeded" in text
    assert "86% to 99%" in text
    assert text.count('<span class="good" title="start') == 49
    assert text.count('<span class="bad" title="start') == 1
    assert "0.10.2" in text


def test_it_loads_nothing(tmp_path: Path):
    video = tmp_path / "policy.webm"
    video.write_bytes(b"webm")
    text = page(video)
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)", text)
    assert not re.search(r"https?://|url\(|@import|<link|<script", text)
    assert base64.b64encode(b"webm").decode() in text


def test_strips_are_inside_with_their_start_and_how_it_went(tmp_path: Path):
    for seed in (2_000_000, 2_000_007, 5):
        (tmp_path / f"{seed}.jpg").write_bytes(b"strip of %d" % seed)
    text = page(strips=tmp_path)
    assert "start 2000000: success after 40 steps</figcaption>" in text
    assert "start 2000007: failure after 40 steps</figcaption>" in text
    assert text.count("data:image/jpeg;base64,") == 2
    for seed in (2_000_000, 2_000_007):
        assert base64.b64encode(b"strip of %d" % seed).decode() in text
    assert "a row for each camera: front/image, wrist/image&lt;b&gt;." in text
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)", text)


def test_augmented_samples_are_inside(tmp_path: Path):
    path = tmp_path / "augmented.png"
    path.write_bytes(b"samples")
    text = page(augmented=path)
    assert f"data:image/png;base64,{base64.b64encode(b'samples').decode()}" in text
    assert "front/image as sent and as seen, wrist/image&lt;b&gt; as sent and as seen" in text


def test_a_run_without_cameras_shows_no_pictures():
    text = page(cameras=[])
    assert "<img" not in text
    assert "cameras" not in text
    assert "As the learner saw it" not in text


def test_what_others_wrote_is_escaped():
    assert "<script>" not in page()
    assert "seed = 3 # &lt;b&gt;" in page()


def test_curves_cover_what_was_recorded():
    text = page()
    for title in ("Success on stopping starts", "Return", "Critic loss", "Q"):
        assert f"<figcaption>{title}</figcaption>" in text
    assert "<figcaption>Entropy</figcaption>" not in text


def test_alarms_are_told_with_what_to_do():
    diverged = {"env_steps": 9, "q_mean": 9.0, "return_low": 0.0, "return_high": 1.0}
    assert "the critics diverge" in page(metrics=[diverged])
    calm = page(metrics=[diverged | {"q_mean": 0.5}])
    assert "the critics diverge" not in calm
    assert "q_out_of_bounds ok" in calm


def test_a_run_that_recorded_nothing_still_has_a_page():
    text = page(result={"task": "reach"}, metrics=[], episodes=[])
    assert "no final evaluation" in text
    assert "nothing was recorded" in text


finite_or_not = st.floats(width=32)


@given(st.lists(st.tuples(finite_or_not, finite_or_not), max_size=30), st.text(max_size=5))
def test_any_data_draws_as_well_formed_svg(points: list[tuple[float, float]], label: str):
    label = "".join(c for c in label if c.isprintable())
    chart = line_chart([Series(label=label, points=points)], x_label="steps")
    root = ElementTree.fromstring(f"<div>{chart}</div>")
    if any(math.isfinite(x) and math.isfinite(y) for x, y in points):
        assert root.find("svg") is not None
    for shape in root.iter("polyline"):
        for pair in (shape.get("points") or "").split():
            x, y = map(float, pair.split(","))
            assert -1 <= x <= 461
            assert -1 <= y <= 221


def test_long_curves_are_thinned_and_keep_their_end():
    chart = line_chart(
        [Series(label="x", points=[(i, i) for i in range(10_000)])], x_label="steps", y_range=(0, 9999)
    )
    (line,) = ElementTree.fromstring(f"<div>{chart}</div>").iter("polyline")
    points = (line.get("points") or "").split()
    assert len(points) <= 300
    assert points[-1] == "448.0,10.0"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.5, 1]),
        (0, 12_000, [0, 5000, 10_000]),
        (-3, 3, [-2, 0, 2]),
        (0.1, 0.3, [0.1, 0.15, 0.2, 0.25, 0.3]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]):
    assert ticks(low, high) == pytest.approx(expected)


def test_numbers_are_short():
    assert [number(v) for v in (0, 0.05, 12_000, 3e-5, 2.5e8)] == ["0", "0.05", "12,000", "3e-05", "2.5e+08"]
