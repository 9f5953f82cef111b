"""CapturedCamera: what the control loop sees of a camera that lives in a process of its own."""

import numpy as np

from robot_env.cameras.base import Frame, Intrinsics
from robot_env.cameras.source_config import SourceConfig
from robot_env.cameras.supervisor import CameraHealth, Supervisor
from shared.clock import Clock
from shared.errors import RobotFault
from shared.interface import CropProfile, ObservationEntry

POLL_SECONDS = 0.02
CURE = "check its cable, port and power, and that no other program uses it; handson check tells more"


class CapturedCamera:
    """Shows the newest frame; the constructor returns once there is one.

    Raises:
        RobotFault: it cannot be opened, or does not deliver within two processes' time to start.
    """

    crop: CropProfile | None = None

    def __init__(self, config: SourceConfig, clock: Clock) -> None:
        layout = config.layout
        self.entry = ObservationEntry(
            name=f"{config.name}/image", shape=(layout.height, layout.width, 3), dtype="uint8"
        )
        self._config, self._clock = config, clock
        self._supervisor = Supervisor(config, clock)
        try:
            self._await_first(2.0 * config.mending.start_seconds)
        except BaseException:
            self.close()
            raise
        self.intrinsics: Intrinsics | None = self._supervisor.ring.intrinsics

    def read(self) -> Frame:
        """A copy of the newest frame; never waits.

        Raises:
            RobotFault: the camera does not deliver; the cause names what is wrong and what is being tried.
        """
        rung, newest = self._supervisor.mending, self._supervisor.newest()
        if rung is not None or newest is None:
            trying = "" if rung is None else f"; trying: {rung.name.lower().replace('_', ' ')}"
            raise self._fault(f"it does not deliver{trying}")
        number, sample = newest
        age = self._clock.now() - sample.taken_seconds
        if age > self._config.mending.frame_seconds:
            raise self._fault(f"its newest frame is {age:.2g} s old")
        device = sample.device_time_seconds
        depth = sample.depth
        return Frame(
            image=sample.image,
            time_seconds=sample.taken_seconds,
            number=number,
            depth_m=None if depth is None else depth * np.float32(self._supervisor.ring.depth_scale),
            device_time_seconds=None if np.isnan(device) else device,
        )

    def health(self) -> CameraHealth:
        """Rate, losses, faults and what the camera says it is."""
        return self._supervisor.health()

    def close(self) -> None:
        """End its process; harmless twice."""
        self._supervisor.close()

    def _await_first(self, seconds: float) -> None:
        deadline = self._clock.now() + seconds
        while self._supervisor.mending is not None:
            ring = self._supervisor.ring
            complaint = ring.text("complaint")
            if complaint and not ring.word("opened"):
                raise self._fault("it cannot be opened")
            if self._clock.now() > deadline:
                raise self._fault(f"no frame came within {seconds:g} s")
            self._clock.sleep_until(self._clock.now() + POLL_SECONDS)

    def _fault(self, what: str) -> RobotFault:
        complaint = self._supervisor.ring.text("complaint")
        said, _, cure = complaint.partition(" -> ")
        cause = f"{what}: {said}" if said else what
        return RobotFault(f"camera {self._config.name!r}", cause, cure or CURE)
