"""Starts the SERL routes beside the robot server: their client dials the very loop that starts them."""

import importlib
import logging
import threading
from typing import Any

from robot_env.server.client import RobotClientConfig
from robot_env.server.config import RobotServerConfig
from shared.errors import ConfigError, HandsOnError

log = logging.getLogger(__name__)

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
        self._client = RobotClientConfig(address=endpoint, name="serl-http")
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

    def _start(self) -> None:
        module, name = FACADE.split(":")
        try:
            build = getattr(importlib.import_module(module), name)
            self._facade = build(self._client, self._config.serl_http, self._config.gripper_units)
        except HandsOnError as error:
            self.failure = error
