"""Reading a Bundle file that may be anything: a path or stdin, plain or gzip, and never more than the limit."""

import gzip
import io
import sys
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from service.errors import BadInput, TooLarge

#: A long stay with ten years of history is some 20 MB; 200 MB is a whole hospital's export.
LIMIT_BYTES: Final = 64 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"


def read_input(name: str, *, limit: int = LIMIT_BYTES) -> bytes:
    """The bytes of a file ("-" is stdin), unpacked if gzip; BadInput or TooLarge says what to do."""
    if name == "-":
        return _bounded(sys.stdin.buffer, limit)
    try:
        with Path(name).open("rb") as file:
            return _bounded(file, limit)
    except OSError as error:
        raise BadInput(f"The file cannot be read: {(error.strerror or 'unknown reason').lower()}.") from None


def _bounded(stream: BinaryIO, limit: int) -> bytes:
    packed = stream.read(limit + 1)
    _check(packed, limit)
    return _unpacked(packed, limit) if packed.startswith(_GZIP) else packed


def _unpacked(packed: bytes, limit: int) -> bytes:
    """Never unpacks more than the limit, so that a small file cannot fill the memory."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            plain = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error):
        raise BadInput("The file is gzip but broken or cut short; make it again.") from None
    _check(plain, limit)
    return plain


def _check(content: bytes, limit: int) -> None:
    if len(content) > limit:
        raise TooLarge(
            f"The input is larger than {limit // 1024**2} MB; send the Bundle of one patient, not a whole export."
        )
