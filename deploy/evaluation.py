"""`handson eval`: what `actor.evaluation` does, and a page of it beside its files."""

from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> int:
    """Evaluate or compare, and write evaluation.html; 130 when interrupted."""
    from actor import evaluation

    config = evaluation.parse(argv)
    status = evaluation.run(config)
    if not status:
        page = _page(config.out, config.video)
        print(f"report: {page}")
    return status


def _page(out: Path, video: Path | None) -> Path:
    from actor import evaluation
    from deploy import result
    from deploy.report.evaluation_page import EvaluationReport, render

    page = out / "evaluation.html"
    report = EvaluationReport(
        first=result.read(out / evaluation.RESULT),
        second=result.read(out / evaluation.AGAINST / evaluation.RESULT),
        comparison=result.read(out / evaluation.COMPARISON),
        video=video,
        strips=out / evaluation.STRIPS,
    )
    page.write_text(render(report), encoding="utf-8")
    return page
