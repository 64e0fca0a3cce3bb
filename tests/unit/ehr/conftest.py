"""The two big vendors' own statements, as the sandbox plays them."""

from typing import Any

import pytest

from tests.vendor_statements import vendor_statements as read


@pytest.fixture(scope="session")
def vendor_statements() -> dict[str, Any]:
    return read()
