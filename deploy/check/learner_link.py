"""The way to a learner that runs: whether it answers, how quickly, and how much goes through."""

import statistics

from deploy.check.base import Check, Outcome, ok, skip, warn
from deploy.check.bench import Bench
from shared.link.dialer import DialerConfig
from shared.link.probe import Probe

ANSWER_SECONDS = 3.0
TRIPS = 20
PAYLOAD_BYTES = 4 * 2**20
PAYLOAD_SECONDS = 10.0
SLOW_SECONDS = 0.1
APART_SECONDS = 0.5
HEADROOM = 2.0


def checks(bench: Bench) -> list[Check]:
    """One connection, three findings would be one too many: the cause that fails is told at the first."""
    return [
        Check(
            name="learner", run=lambda: learner(bench), deadline_seconds=ANSWER_SECONDS + PAYLOAD_SECONDS + 5
        )
    ]


def learner(bench: Bench) -> Outcome:
    """Round trip and bandwidth, against what steps of this bench need."""
    address = bench.config.connect
    if address is None:
        return skip("none is named; --connect tcp://HOST:5555 measures the way to one that runs")
    probe = Probe(DialerConfig(connect=address, keys=bench.config.keys, learner_key=bench.config.learner_key))
    try:
        probe.ask(None, ANSWER_SECONDS)
        trips = [probe.ask(None, ANSWER_SECONDS) for _ in range(TRIPS)]
        rate = _rate(probe, statistics.median(trip.seconds for trip in trips))
    finally:
        probe.close()
    offset = min(trips).wall_offset_seconds  # of the fastest: the least wrong
    return judge(
        [trip.seconds for trip in trips], rate, bench.step_bytes * bench.task.settings.control_hz, offset
    )


def judge(
    trips: list[float], bytes_s: float, need_bytes_s: float, offset_seconds: float | None = None
) -> Outcome:
    """What was measured: seconds of each round trip, bytes a second towards the learner, its wall clock."""
    middle, worst = statistics.median(trips), max(trips)
    told = (
        f"round trip {middle * 1000:.1f} ms, worst {worst * 1000:.1f} ms; "
        f"{bytes_s / 1e6:.1f} MB/s of {need_bytes_s / 1e6:.2f} MB/s needed"
    )
    if offset_seconds is not None:
        told += f"; its clock is {offset_seconds * 1000:+.1f} ms from ours"
    if bytes_s < HEADROOM * need_bytes_s:
        return warn(told, "send smaller pictures, or --uplink.image-compression jpeg; use a cable, not Wi-Fi")
    if offset_seconds is not None and abs(offset_seconds) > APART_SECONDS:
        return warn(
            told, "sudo timedatectl set-ntp true on both: the ages of policies are told by these clocks"
        )
    if middle > SLOW_SECONDS:
        return warn(told, "policies arrive late by as much: use a cable, or move the learner nearer")
    return ok(told)


def _rate(probe: Probe, trip_seconds: float) -> float:
    """Bytes a second of a payload that the learner drops."""
    payload, seconds = bytes(PAYLOAD_BYTES), 0.0
    for size in (PAYLOAD_BYTES // 64, PAYLOAD_BYTES):
        seconds = max(1e-6, probe.ask(memoryview(payload)[:size], PAYLOAD_SECONDS).seconds - trip_seconds)
        if seconds > PAYLOAD_SECONDS / 100:  # a narrow way: the small one has told enough
            return size / seconds
    return PAYLOAD_BYTES / seconds
