import pytest
from live import TASKS, make_engine, serve

from sleepy_coder.server.app import AppConfig


@pytest.fixture(scope="module")
def client():
    """A server with all tasks that tests may ask, and not change."""
    with serve(make_engine(TASKS), config=AppConfig(max_body_bytes=20_000)) as found:
        yield found
