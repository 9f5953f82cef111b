"""Line charts as inline SVG, drawn by hand: no library, no script, nothing to load."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 34
COLOURS = ("#2f6fde", "#e0662f", "#2a9d63", "#9b4fd0", "#c2a20a", "#d0407f")
MAX_POINTS = 300

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line: its label and its points in order of x, and optionally a band (x, low, high) behind it."""

    label: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float, float]] = ()


def line_chart(series: Sequence[Series], *, x_label: str, y_range: tuple[float, float] | None = None) -> str:
    """An SVG element with the given lines, axes and a legend; points that are not finite are left out.

    Args:
        series: what to draw; one without a finite point is left out.
        x_label: what the horizontal axis counts.
        y_range: fixed limits of the vertical axis; the data's own without.
    """
    drawn = [Series(label=s.label, points=_finite(s.points), band=s.band) for s in series]
    drawn = [s for s in drawn if s.points]
    if not drawn:
        return '<p class="empty">nothing was recorded</p>'
    frame = _Frame.around([p for s in drawn for p in s.points], y_range)
    lines = [_line(frame, s, COLOURS[i % len(COLOURS)]) for i, s in enumerate(drawn)]
    legend = "".join(
        f'<span><i style="background:{COLOURS[i % len(COLOURS)]}"></i>{escape(s.label)}</span>'
        for i, s in enumerate(drawn)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(drawn[0].label)}">'
        f"{_axes(frame, x_label)}{''.join(lines)}</svg><p class='legend'>{legend}</p>"
    )


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within [low, high]."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The data's limits, and where they lie in the picture."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    @classmethod
    def around(cls, points: Sequence[Point], y_range: tuple[float, float] | None) -> "_Frame":
        xs, ys = [x for x, _ in points], [y for _, y in points]
        y_low, y_high = y_range or _padded(min(ys), max(ys))
        x_low, x_high = (0.0, max(xs)) if min(xs) >= 0 and max(xs) > 0 else _padded(min(xs), max(xs))
        return cls(x_low=x_low, x_high=x_high, y_low=y_low, y_high=y_high)

    def x(self, value: float) -> float:
        return LEFT + (value - self.x_low) / (self.x_high - self.x_low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM)


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = (high - low) * 0.05 or max(abs(high) * 0.1, 1e-6)
    return low - margin, high + margin


def _finite(points: Sequence[Point]) -> list[Point]:
    """Finite points, thinned out evenly to what a chart can show; the last one stays."""
    kept = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    stride = max(1, math.ceil(len(kept) / MAX_POINTS))
    return kept[::-1][::stride][::-1]


def _axes(frame: _Frame, x_label: str) -> str:
    rows = [_row(frame.y(value), number(value)) for value in ticks(frame.y_low, frame.y_high)]
    floor = HEIGHT - BOTTOM + 15
    columns = [_text(frame.x(value), floor, number(value)) for value in ticks(frame.x_low, frame.x_high)]
    return "".join([*rows, *columns, _text((LEFT + WIDTH) / 2, HEIGHT - 4, x_label)])


def _row(y: float, label: str) -> str:
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + _text(LEFT - 6, y + 4, label, anchor="end")


def _text(x: float, y: float, text: str, *, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(frame: _Frame, series: Series, colour: str) -> str:
    band = ""
    if series.band:
        edge = [(x, high) for x, _, high in series.band] + [(x, low) for x, low, _ in reversed(series.band)]
        band = f'<polygon fill="{colour}" opacity="0.15" points="{_path(frame, edge)}"/>'
    if len(series.points) == 1:
        (x, y), *_ = series.points
        return f'{band}<circle fill="{colour}" r="3" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}"/>'
    line = (
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{_path(frame, series.points)}"/>'
    )
    return band + line


def _path(frame: _Frame, points: Sequence[Point]) -> str:
    return " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)


def number(value: float) -> str:
    """A number as short as a reader wants it: 12,000 or 0.05 or 3e-04."""
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.4g}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.2g}"
