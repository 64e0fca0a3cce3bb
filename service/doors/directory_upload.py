"""A whole directory as it is uploaded: the CSV files of docs/directory.md in one zip file."""

import zipfile
import zlib
from io import BytesIO
from lzma import LZMAError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from config.directory_file import TABLES, load_directory
from service.domain.community_service import CommunityService
from service.errors import BadInput, ConfigurationError, TooLarge, Unusable

#: Unpacked, all files together: some hundred thousand entries.
MAX_BYTES: Final = 64_000_000
#: What zipfile and the decompressors beneath it say of an archive that is none, is broken or is locked.
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
)


def services_in(packed: bytes) -> tuple[CommunityService, ...]:
    """The services of a zip file; BadInput or TooLarge for what is none, Unusable names file and line of a mistake.

    Folders in it make no difference, and files that no directory has are left aside.
    """
    with TemporaryDirectory(prefix="homeward-directory-") as name:
        folder = Path(name)
        _unpack(packed, folder)
        try:
            return load_directory(folder)
        except ConfigurationError as error:
            raise Unusable(str(error).replace(f"{folder}/", "")) from None


def _unpack(packed: bytes, folder: Path) -> None:
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(BytesIO(packed)) as archive:
            for member in archive.infolist():
                name = Path(member.filename).name
                if member.is_dir() or name not in {f"{table}.csv" for table in TABLES}:
                    continue
                with archive.open(member) as file:
                    # What the archive says of its sizes may be a lie: what comes out is counted.
                    data = file.read(left + 1)
                left -= len(data)
                if left < 0:
                    raise TooLarge(f"The files are larger than {MAX_BYTES // 1_000_000} MB when unpacked.")
                (folder / name).write_bytes(data)
    except _BROKEN:
        raise BadInput(
            "Send one zip file with the CSV files of docs/directory.md, without a password."
        ) from None
