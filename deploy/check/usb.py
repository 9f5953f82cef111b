"""Whether the USB buses carry what the lab's cameras send, and which camera to move where they do not."""

from deploy.check.base import Check, Outcome, known, skip
from deploy.check.bench import Bench
from robot_env.cameras.bandwidth import Finding, plan_bandwidth, streams_of
from robot_env.cameras.usb_topology import read_topology

DEVICES = "bus/usb/devices"


def checks(bench: Bench) -> list[Check]:
    """Every bus, and every camera that there is something to say of."""
    streams = streams_of(bench.lab.cameras)
    if not streams:
        return [known("usb", skip("no camera of the lab file is on USB"))]
    found = plan_bandwidth(streams, read_topology(bench.host.sys / DEVICES))
    return [known(f"usb {finding.subject}", outcome(finding)) for finding in found]


def outcome(finding: Finding) -> Outcome:
    """A finding of the plan as that of a check."""
    return Outcome(finding.level, finding.detail, finding.cure)
