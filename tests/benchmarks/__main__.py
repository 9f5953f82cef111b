"""`make bench`: every benchmark in this folder, each in a process of its own; one JSON line a figure.

A benchmark is a module with a `main()` that prints JSON lines or returns (or yields) dictionaries. Each line
gets the benchmark's name, the commit and the machine; anything else that is printed goes to standard error.
Names on the command line choose (`make bench BENCH_ARGS="replay link"`); `PEER=path` in the environment lets
those that can run a peer's checkout beside ours.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from shared.version import code_version

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
DRIVER = """
import importlib, inspect, json, sys
main = importlib.import_module(f"tests.benchmarks.{sys.argv[1]}").main
quick = {"quick": True} if sys.argv[2:] and "quick" in inspect.signature(main).parameters else {}
for row in main(**quick) or ():
    print(json.dumps(row), flush=True)
"""


def names() -> list[str]:
    """The benchmarks that there are."""
    return sorted(
        p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_") and "def main(" in p.read_text()
    )


def main() -> int:
    """Run the chosen benchmarks; 1 if any failed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="fewer samples, from acting and put")
    arguments = parser.parse_args()
    chosen = arguments.names or names()
    if unknown := sorted(set(chosen) - set(names())):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    failed = [name for name in chosen if not run(name, quick=arguments.quick)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def run(name: str, *, quick: bool = False) -> bool:
    """One benchmark, its figures on standard output as they come."""
    command = [sys.executable, "-c", DRIVER, name, *(["quick"] if quick else [])]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)
    with process:
        for line in process.stdout or ():
            report(name, line)
    return process.returncode == 0


def report(name: str, line: str) -> None:
    """Print a figure with where it comes from; what is no figure goes to standard error."""
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        sys.stderr.write(line)
        return
    print(json.dumps({"benchmark": name, **row, **machine()}), flush=True)


def machine() -> dict[str, object]:
    """What figures are worth nothing without."""
    return {"commit": code_version(), "cores": len(os.sched_getaffinity(0)), "processor": processor()}


def processor() -> str:
    """The processor's name, as Linux tells it."""
    return next(_models(), platform.processor() or platform.machine())


def _models() -> Iterator[str]:
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            yield value.strip()


if __name__ == "__main__":
    sys.exit(main())
