"""Alarms about a world that is no longer what it was: where episodes begin, what cameras show, who judges."""

from learner.alarms.base import Finding, Scale
from learner.alarms.history import History

STARTS_FAR = Scale(
    name="starts_far",
    warn=0.25,
    alarm=1.0,
    what="distance of practice's starts from those of the demonstrations, in widths of the latter",
    next_step="compare the reset pose and where objects lie with the demonstrations; or record some here",
)
PICTURE_DRIFT = Scale(
    name="picture_drift",
    warn=2.0,
    alarm=4.0,
    what="change of brightness or contrast, in spreads among earlier episodes (at least 4 grey levels)",
    next_step="bring back the light, exposure and camera pose of before (fix exposure and white balance); "
    "or record and train a classifier in today's light",
)
CLASSIFIER_DRIFT = Scale(
    name="classifier_drift",
    warn=0.1,
    alarm=0.3,
    what="rise of the classifier's score at the start of episodes over what it was first, or over 0.2",
    next_step="what shows no success looks like it: take false successes back with n, record negatives "
    "of this scene and train again (handson classifier)",
)
DENIED = Scale(
    name="denied_successes",
    warn=0.05,
    alarm=0.2,
    what="share of the classifier's successes that a person took back",
    next_step="train it again with what was denied (--classifier-data), or ask for more hits in a row",
)
FEWEST_DEMOS = 5
FEWEST_JUDGED = 5
LEAST_SPREAD = 4.0
HARMLESS_SCORE = 0.2


def starts_far(history: History) -> Finding:
    """Whether practice begins where no demonstration did."""
    demos = history.newest("starts/demos") or 0.0
    prefix = "starts/distance/"
    found = {name.removeprefix(prefix): history.newest(name) or 0.0 for name in history.names(prefix)}
    if demos < FEWEST_DEMOS or not found:
        return STARTS_FAR.unknown(f"{demos:.0f} demonstrations are too few to compare with")
    worst = max(found, key=lambda name: found[name])
    return STARTS_FAR.judge(found[worst], f"{worst}: {found[worst]:.2f} widths away (median of 20 starts)")


def picture_drift(history: History) -> Finding:
    """Whether a camera's pictures became brighter, darker, flatter or harder."""
    prefix, suffix = "pictures/", "/brightness"
    cameras = [n[len(prefix) : -len(suffix)] for n in history.names(prefix) if n.endswith(suffix)]
    changes = [(*_change(history, f"{prefix}{camera}"), camera) for camera in cameras]
    if not changes:
        return PICTURE_DRIFT.unknown("there are no cameras, or no episode yet")
    change, told, camera = max(changes)
    return PICTURE_DRIFT.judge(change, f"{camera}: {told}")


def _change(history: History, prefix: str) -> tuple[float, str]:
    """How many spreads a camera is off, and in words."""
    spread = max(LEAST_SPREAD, history.newest(f"{prefix}/spread_before") or 0.0)
    off: list[tuple[float, str]] = []
    for what in ("brightness", "contrast"):
        now, before = history.newest(f"{prefix}/{what}"), history.newest(f"{prefix}/{what}_before")
        if now is not None and before is not None:
            told = f"{what} {now:.0f} where it was {before:.0f} (spread {spread:.0f})"
            off.append((abs(now - before) / spread, told))
    return max(off, default=(0.0, ""))


def classifier_drift(history: History) -> Finding:
    """Whether the classifier begins to see success where there is none."""
    now, before = history.newest("classifier/start_score"), history.newest("classifier/start_score_before")
    if now is None or before is None:
        return CLASSIFIER_DRIFT.unknown("no classifier judges")
    told = f"mean score {now:.2f} at the start of the last 20 episodes, {before:.2f} of the first"
    return CLASSIFIER_DRIFT.judge(max(now - before, now - HARMLESS_SCORE), told)


def denied_successes(history: History) -> Finding:
    """Whether people keep taking the classifier's successes back."""
    denied, judged = history.newest("classifier/denied"), history.newest("classifier/successes")
    if denied is None or judged is None:
        return DENIED.unknown("no classifier judges, or nobody could take its word back")
    told = f"{denied:.0f} of {judged:.0f} were taken back"
    if judged < FEWEST_JUDGED:
        return DENIED.unknown(told)
    return DENIED.judge(denied / judged, told)
