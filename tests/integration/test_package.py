"""The image installs a wheel: whatever the source tree has and the wheel lacks would be missing there."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("config", "fhir_mappings", "service")
FILES = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE", "wsgi.py")


def test_the_wheel_holds_every_file_of_the_source(tmp_path: Path):
    source = tmp_path / "source"
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    written = {str(file.relative_to(source)) for part in PARTS for file in (source / part).rglob("*.*")}
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(source)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("homeward-*.whl")
    assert written | {"wsgi.py"} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_image_installs_nothing_that_is_not_locked():
    installs = re.findall(r"pip install (.*)", (ROOT / "Dockerfile").read_text())
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)


def test_what_builds_the_image_is_locked_as_it_is_for_development():
    locked = (ROOT / "requirements-build.lock").read_text()
    assert locked.startswith("setuptools==")
    assert locked in (ROOT / "requirements-dev.lock").read_text()
