"""Nothing that is not a finite number leaves the learner."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shared.errors import NonFiniteError


def require_finite(arrays: Mapping[str, NDArray[np.generic]], stage: str, whose: str) -> None:
    """Refuse arrays with a nan or an infinity, naming them.

    Raises:
        NonFiniteError: with the names of the first few.
    """
    bad = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise NonFiniteError(
            stage,
            f"{whose} is not finite in {', '.join(bad[:5])}{more}",
            "see metrics.jsonl for the losses before it; lower the learning rate or clip gradients",
        )
