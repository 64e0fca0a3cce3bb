"""API keys for tests: a file of them, and the header that shows one."""

import hashlib
from pathlib import Path
from typing import Any

import yaml


def keys_file(folder: Path, **keys: dict[str, Any]) -> Path:
    """A file with these keys by name; each says its `key` in clear, which the file never does."""
    listed = []
    for name, given in keys.items():
        more = {field: value for field, value in given.items() if field != "key"}
        digest = hashlib.sha256(given["key"].encode()).hexdigest()
        listed.append({"name": name, "sha256": digest, "scopes": [], "tenants": ["demo"], **more})
    path = folder / "api-keys.yaml"
    path.write_text(yaml.safe_dump({"keys": listed}))
    return path


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
