"""Keys: needed as soon as two computers talk, and whether this one's are in order."""

from pathlib import Path

from deploy.check.base import Check, Outcome, fail, ok, skip
from deploy.check.bench import Bench
from shared.link.address import is_loopback
from shared.link.keys import DEFAULT_DIRECTORY, KeyStore


def checks(bench: Bench) -> list[Check]:
    """This computer's pair, whom it lets in, and whom it trusts."""
    config = bench.config
    listens = config.role in ("all", "learner") and not is_loopback(config.bind)
    dials = config.connect is not None and not is_loopback(config.connect)
    return [
        Check(
            name="keys",
            run=lambda: keys(config.keys, listens=listens, dials=dials, trusted=config.learner_key),
        )
    ]


def keys(directory: Path | None, *, listens: bool, dials: bool, trusted: Path | None = None) -> Outcome:
    """Whether the keys that this computer needs are there; raises ConfigError for those that are not."""
    if directory is None:
        if not (listens or dials):
            return skip("none needed: everything is on this computer")
        return fail(
            "two computers are to talk, and no keys are named",
            f"run: handson keys make   and give --keys {DEFAULT_DIRECTORY} (see: handson keys --help)",
        )
    store = KeyStore(directory)
    told = [f"this computer is {store.own().public.host}"]
    if dials:
        told.append(f"trusts {trusted or store.trusted().host}")
    if listens:
        let_in = [key.host for key in store.authorised()]
        if not let_in:
            return fail(
                f"{directory} lets no other computer in",
                "copy its HOST.key here and run: handson keys authorise HOST.key",
            )
        told.append(f"lets in {', '.join(let_in)}")
    return ok("; ".join(told))
