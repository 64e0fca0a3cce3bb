"""The image installs a wheel: whatever the source tree has and the wheel lacks would be missing there."""

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
