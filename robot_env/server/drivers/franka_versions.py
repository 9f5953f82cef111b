"""Which library speaks to which Franka: each speaks exactly one version of the robot server's protocol.

The table is that of Franka's compatibility page, by the version that the arm's own server reports.
"""

import re

SYSTEMS = {
    2: "Panda, system 3.x",
    3: "Panda, system 4.0",
    4: "Panda, system 4.0",
    5: "Panda, system 4.2.1 or later",
    6: "FR3, system 5.2",
    7: "FR3, system 5.5",
    8: "FR3, system 5.7.0",
    9: "FR3, system 5.7.2",
    10: "FR3, system 5.9 or later",
}
PANDA_SERVER, FR3_SERVER = 5, 10


def mismatch_cure(message: str, driver: str) -> str:
    """What to do about an incompatible version, from what libfranka said of it.

    Args:
        message: libfranka's, as in `... (server version: 5, library version: 10)`, or panda_py's, as in
            `The robot speaks protocol version 10, but ...`.
        driver: which of our drivers met it, fr3 or panda.
    """
    found = re.search(r"(?:server|protocol) version:?\s*(\d+)", message)
    if found is None:
        return "compare the arm's system version in Desk with docs/franka.md"
    version = int(found.group(1))
    return (
        f"server version {version} is {SYSTEMS.get(version, 'of no known arm')}: {_advice(version, driver)}"
    )


def _advice(version: int, driver: str) -> str:
    if version == PANDA_SERVER and driver != "panda":
        return "choose --driver panda"
    if version == FR3_SERVER and driver != "fr3":
        return "choose --driver fr3"
    if 2 <= version < PANDA_SERVER:
        return "update the arm's system to 4.2.1 in Desk, then choose --driver panda"
    if PANDA_SERVER < version < FR3_SERVER:
        return f"update its system to 5.9, or install the franky-control built for server version {version}"
    return "install a newer franky-control, and see docs/franka.md"
