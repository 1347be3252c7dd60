"""What is wrong with a zip file before anything in it is looked at, and its safe unpacking."""

import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from xstilts.errors import UserError

LARGEST = 8 * 2**30  # bytes, unpacked; the benchmark's own predictions take some 100 MB
_ENCRYPTED = 0x1


def unpack(path: Path, folder: Path) -> list[str]:
    """Unpack what is safe of the zip file `path` into `folder`; returns all that is not.

    Nothing is written outside the folder, no link is made, and of a name that occurs more than
    once the last entry counts. Raises `UserError` for what is no zip file.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{path} cannot be read as a zip file: {error}.") from error
    with archive:
        found = [f"{path}: {problem}" for problem in _problems(archive)]
        entries = {e.filename: e for e in archive.infolist() if not _unsafe(e)}
        if sum(entry.file_size for entry in entries.values()) <= LARGEST:
            for entry in entries.values():
                found += [f"{path}/{problem}" for problem in _unpack_one(archive, entry, folder)]
    return found


def _problems(archive: zipfile.ZipFile) -> Iterator[str]:
    entries = archive.infolist()
    for entry in entries:
        if reason := _unsafe(entry):
            yield f"{entry.filename!r} {reason}"
    for name, times in Counter(entry.filename for entry in entries).items():
        if times > 1:
            yield f"{name!r} is in it {times} times: readers disagree on which one counts"
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST:
        yield (
            f"its files take {size / 2**30:.1f} GiB, more than any submission "
            f"({LARGEST / 2**30:.0f} GiB): not unpacked"
        )


def _unsafe(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not unpacked; "" if it is."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or ".." in parts:
        return "leads out of the folder that it is unpacked into: not unpacked"
    if "\\" in name:
        return "has a backslash, which only Windows takes for a folder's end: use '/'"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link, not a file: not unpacked"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted: zip it without a password"
    return ""


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> Iterator[str]:
    try:
        archive.extract(entry, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        yield f"{entry.filename}: cannot be unpacked: {error}"
