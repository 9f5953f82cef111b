"""Start seeds: which start state each training episode and each demo begins from.

They lie at 2**31 and above, so that they never meet the seeds from which policies are judged: stopping starts
from 1,000,000 on and final evaluations from 2,000,000 on.
"""

import zlib

import numpy as np

FIRST = 2**31


def start_seed(run_seed: int, who: str, episode: int) -> int:
    """The seed of one episode: a hash of the run's seed, the name of who plays it and its number."""
    state = np.random.SeedSequence((run_seed, zlib.crc32(who.encode()), episode)).generate_state(1)[0]
    return FIRST | int(state)
