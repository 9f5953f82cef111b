"""Seeds: which start state each training episode and each demo begins from, and what noise a life acts with.

Start seeds lie at 2**31 and above, so that they never meet those that judge policies: stopping starts from
1,000,000 on and final evaluations from 2,000,000 on.
"""

import zlib
from pathlib import Path

import numpy as np

FIRST = 2**31


def start_seed(run_seed: int, who: str, episode: int) -> int:
    """The seed of one episode: a hash of the run's seed, the name of who plays it and its number."""
    state = np.random.SeedSequence((run_seed, zlib.crc32(who.encode()), episode)).generate_state(1)[0]
    return FIRST | int(state)


def noise_seed(run_seed: int, who: str) -> int:
    """The seed of the noise of one life's sampled actions."""
    return int(np.random.SeedSequence((run_seed, zlib.crc32(who.encode()))).generate_state(1)[0])


def player(spool: Path, actor_id: str, incarnation: str) -> str:
    """Who plays, as far as seeds go; to be asked before this life makes its own directory in the spool.

    The first life of an actor follows from its id alone. A later one, which finds the directory of the first,
    is another player: one with the same seeds would replay its own past.
    """
    return f"{actor_id}/{incarnation}" if (spool / actor_id).exists() else actor_id
