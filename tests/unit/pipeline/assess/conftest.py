"""The shipped content, compiled once for all tests of assessing."""

import pytest

from config.content import load_content
from service.domain.content import Content

_CONTENT = load_content()


@pytest.fixture(scope="session")
def content() -> Content:
    return _CONTENT
