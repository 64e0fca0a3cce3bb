"""The folders that clinical content is read from: a whole one, and others laid over it file by file."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.marked_yaml import read_yaml
from service.errors import ConfigurationError

#: What a content folder may hold; everything else in one would silently not be read.
FOLDERS: Final = ("instruments", "protocols", "terminology")
CHECKLISTS: Final = ("boost_8p.yaml", "compliance.yaml")
#: Only a folder that is laid over another may have it: the needs of the other that do not hold here.
OVERLAY: Final = "overlay.yaml"
_SUFFIXES: Final = {"instruments": ".yaml", "protocols": ".yaml", "terminology": ".csv"}


@dataclass(frozen=True, slots=True)
class LayeredFolder:
    """One folder of content, whose files are taken from the last layer that has them.

    layers are real folders, the whole one first. Of a file that stands in several only the last one counts, as a whole.
    """

    layers: tuple[Path, ...]
    left_out: frozenset[str] = frozenset()

    def __truediv__(self, name: str) -> Path:
        """The file or folder of this name in the last layer that has it, else where the first would have it."""
        return next(
            (layer / name for layer in reversed(self.layers) if (layer / name).exists()),
            self.layers[0] / name,
        )

    def folder(self, name: str) -> "LayeredFolder":
        """The same layers of a folder within this one."""
        return LayeredFolder(tuple(layer / name for layer in self.layers), self.left_out)

    def glob(self, pattern: str) -> list[Path]:
        """The files that match, by name, without those that were left out."""
        found = {path.name: path for layer in self.layers for path in sorted(layer.glob(pattern))}
        return [found[name] for name in sorted(found) if Path(name).stem not in self.left_out]


@dataclass(frozen=True, slots=True)
class ContentFolder:
    """All content of a deployment or of one hospital. overlay is None where nothing is laid over the whole folder."""

    whole: Path
    overlay: Path | None = None

    def layers(self) -> LayeredFolder:
        """The folders to read. ConfigurationError when one is missing or holds what nobody would read."""
        _require_folder(self.whole)
        if self.overlay is None:
            return LayeredFolder((self.whole,))
        _require_folder(self.overlay)
        _refuse_strangers(self.overlay)
        return LayeredFolder((self.whole, self.overlay))

    def protocols(self) -> LayeredFolder:
        """The protocols that hold. ConfigurationError for one that is left out and does not exist."""
        layered = self.layers().folder("protocols")
        if self.overlay is None:
            return layered
        return LayeredFolder(layered.layers, _left_out(self.overlay, known=layered.glob("*.yaml")))

    def digest(self) -> str:
        """A name for exactly this content: "sha256:" and 64 digits, the same wherever the same files stand."""
        digest = hashlib.sha256()
        layers = self.layers()
        for name in FOLDERS:
            held = self.protocols() if name == "protocols" else layers.folder(name)
            _add(digest, name, held.glob(f"*{_SUFFIXES[name]}"))
        _add(digest, "", [path for name in CHECKLISTS if (path := layers / name).exists()])
        return f"sha256:{digest.hexdigest()}"


def _add(digest: "hashlib._Hash", folder: str, paths: Sequence[Path]) -> None:
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{folder}/{path.name}\n{len(content)}\n".encode())
        digest.update(content)


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigurationError(
            f"There is no content folder {folder}; correct HOMEWARD_CONTENT_DIR or `content` of the tenant."
        )


def _refuse_strangers(overlay: Path) -> None:
    """A misspelt name would be content that a hospital signed and nobody reads."""
    for path in _strangers(overlay):
        where = path.relative_to(overlay.parent)
        raise ConfigurationError(
            f"{where}: this is not read; an overlay holds {', '.join(f'{name}/*{_SUFFIXES[name]}' for name in FOLDERS)}, "
            f"{', '.join(CHECKLISTS)} and {OVERLAY}."
        )


def _strangers(overlay: Path) -> Iterator[Path]:
    for path in sorted(overlay.iterdir()):
        if path.name.startswith(".") or path.name.upper().startswith("README"):
            continue
        if path.name not in {*FOLDERS, *CHECKLISTS, OVERLAY}:
            yield path
        elif path.name in FOLDERS:
            yield from (file for file in sorted(path.iterdir()) if file.suffix != _SUFFIXES[path.name])


def _left_out(overlay: Path, known: Sequence[Path]) -> frozenset[str]:
    path = overlay / OVERLAY
    if not path.exists():
        return frozenset()
    given = read_yaml(path, f"{overlay.name}/{OVERLAY}").fields(("leave_out",), ("leave_out",))["leave_out"]
    names = {file.stem for file in known}
    for entry in given.items():
        if entry.text() not in names:
            raise entry.wrong(f"there is no protocol {entry.text()!r} to leave out")
    return frozenset(given.texts())
