import pytest

from service.domain.content import Content
from tests.unit.pipeline.assess.shipped import CONTENT


@pytest.fixture(scope="session")
def content() -> Content:
    return CONTENT
