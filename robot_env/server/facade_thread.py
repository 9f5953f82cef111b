"""Starts the SERL routes beside the robot server: their client dials the very loop that starts them."""

import threading
from typing import Any

from robot_env.families import resolve
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.config import RobotServerConfig
from shared.clock import SystemClock
from shared.errors import ConfigError, HandsOnError

FACADE = "robot_env.server.serl_facade:SerlFacade"
CLOSE_SECONDS = 5.0


class FacadeThread:
    """Builds the facade in a thread of its own.

    Attributes:
        port: that it listens on, once it does.
        failure: why it could not be started.
    """

    def __init__(self, config: RobotServerConfig, endpoint: str) -> None:
        if config.keys is not None:
            raise ConfigError(
                "SERL routes", "they are served on this computer only", "leave out either serl_http or keys"
            )
        self._config = config
        self._client_config = RobotClientConfig(address=endpoint, name="serl-http")
        self._client: RobotClient | None = None
        self._facade: Any = None
        self.failure: HandsOnError | None = None
        self._thread = threading.Thread(target=self._start, name="serl-http-start", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int | None:
        """That it listens on, once it does."""
        return None if self._facade is None else int(self._facade.port)

    def close(self) -> None:
        """Within seconds; the server's loop need not run any more."""
        self._thread.join(CLOSE_SECONDS)
        if self._facade is not None:
            self._facade.close()
        if self._client is not None:
            self._client.close()

    def _start(self) -> None:
        clock, config = SystemClock(), self._config
        try:
            self._client = RobotClient(self._client_config, clock)
            build = resolve("facade", {"serl": FACADE}, "serl")
            self._facade = build(self._client, config.serl_http, config.gripper_units, clock)
        except HandsOnError as error:
            self.failure = error
