from collections.abc import Iterator

import pytest

from tests.actor.operating.terminal import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()
