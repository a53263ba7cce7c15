"""A browser that remembers nothing of what another test has looked at."""

import browser
import pytest


@pytest.fixture
def look(tmp_path_factory):
    return lambda *words, **more: browser.look(tmp_path_factory.mktemp("home"), *words, **more)
