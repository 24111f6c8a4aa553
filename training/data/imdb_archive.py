"""The archive of the Large Movie Review Dataset v1.0, verified and read in one pass without extracting it to disk.

Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from training.errors import ArchiveError


@dataclass(frozen=True, slots=True)
class Part:
    """The expected content of a folder of the archive; a list of films counts as a folder of one file.

    Attributes:
        files: The number of files.
        bytes: Their total size.
        sha256: The hex digest of their bytes, joined in the order of their names as text ("10_8.txt" < "1_7.txt").
    """

    files: int
    bytes: int
    sha256: str


# The parts that Sentiline reads. The rest of the archive (vocabulary, bags of words) is ignored.
PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "train/pos": Part(12_500, 16_842_831, "9f374516d12b05a6dc2b8cee1637bddbe0fcbb6c60f4e681b9374078622e8c18"),
        "train/neg": Part(12_500, 16_289_992, "4c3780163bf5ab5d4f32226328db35e013dcca708b90a6e906a03e94b7476e1e"),
        "train/unsup": Part(50_000, 66_506_794, "bdbe1fd53373a7cbdeb03f30ba56ef8c2cfbd442e35e34827fac61fba9b3ed4e"),
        "train/urls_pos.txt": Part(1, 612_500, "148e7459575b2a9552cf6b32cbca4551b37e9ec8f12206f34c3bf1d7cc0d5fd5"),
        "train/urls_neg.txt": Part(1, 612_500, "98bf56e2a70fc12574a08d4c5644ca867b5b329990a84d1b9c414632398af543"),
        "test/pos": Part(12_500, 16_283_357, "670377166db7a424349b2b0e2b6d306834349c22bc4b03abdc244572da8b25f4"),
        "test/neg": Part(12_500, 16_067_328, "0f47dab1e51fc301d04d0dabdb68650b0c58789cbd0de01564ce0465ce6f9513"),
        "test/urls_pos.txt": Part(1, 612_500, "ff396baae9f401e72aadfae749f37278860e8828341c52d6f127b428b8a425ac"),
        "test/urls_neg.txt": Part(1, 612_500, "7f1621175039af04f0e0cfdf9d48a5fecfc06b485ece84370f1ae7fbc681ef12"),
    }
)

Files = dict[str, bytes]  # contents by file name, within one part

_MEMBER = re.compile(r"(?:\./)?aclImdb/((?:train|test)/(?:pos|neg|unsup))/(\d+_\d+\.txt)")
_LIST = re.compile(r"(?:\./)?aclImdb/((?:train|test)/(urls_(?:pos|neg)\.txt))")


def read(path: Path, wanted: Collection[str] = (), *, parts: Mapping[str, Part] = PARTS) -> dict[str, Files]:
    """Verify a whole archive and return the files of some of its parts.

    Args:
        path: The gzip-compressed tar archive.
        wanted: The keys of `parts` whose files are returned; the others are only verified.
        parts: The parts that the archive must hold.

    Returns:
        The files of each wanted part, as bytes by name.

    Raises:
        ArchiveError: The file is missing, truncated, altered or not such an archive; says which part differs, the
            expected and the actual content.

    Example:
        >>> read(Path("no-such-file.tar.gz"))
        Traceback (most recent call last):
        training.errors.ArchiveError: there is no archive at no-such-file.tar.gz
    """
    if path.is_dir():
        raise ArchiveError(f"{path} is a folder; give the archive as downloaded, aclImdb_v1.tar.gz", field="archive")
    found: dict[str, Files] = {name: {} for name in parts}
    counts = dict.fromkeys(parts, 0)
    sizes = dict.fromkeys(parts, 0)
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as stream:
            _collect(stream, parts, found, counts, sizes)
    except FileNotFoundError:
        raise ArchiveError(f"there is no archive at {path}", field="archive") from None
    except (EOFError, zlib.error, tarfile.TarError, OSError) as error:
        raise ArchiveError(_broken(path, error, parts, counts), field="archive") from error
    checks = (_difference(name, part, found[name], counts[name], sizes[name]) for name, part in parts.items())
    differences = [line for line in checks if line is not None]
    if differences:
        raise ArchiveError(
            f"{path} is not the Large Movie Review Dataset v1.0; it differs in\n"
            + "\n".join(f"  {line}" for line in differences)
            + "\nUse an unaltered copy: `python -m training data fetch` gets one.",
            field="archive",
        )
    return {name: found[name] for name in wanted}


def _collect(
    stream: gzip.GzipFile,
    parts: Mapping[str, Part],
    found: dict[str, Files],
    counts: dict[str, int],
    sizes: dict[str, int],
) -> None:
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            match = _MEMBER.fullmatch(member.name) or _LIST.fullmatch(member.name)
            if match is None or match[1] not in parts or not member.isfile():
                continue
            name = match[1]
            counts[name] += 1
            sizes[name] += member.size
            if sizes[name] > parts[name].bytes:  # altered: count on, but keep no more in memory
                continue
            content: BinaryIO | None = tar.extractfile(member)  # type: ignore[assignment]
            if content is not None:
                found[name][match[2]] = content.read()
    while stream.read(1 << 20):  # to the end of the file, where gzip compares its checksum
        pass


def _difference(name: str, part: Part, files: Files, count: int, size: int) -> str | None:
    if (count, size) != (part.files, part.bytes):
        return f"{name}: {count:,} files, {size:,} bytes; expected {part.files:,} files, {part.bytes:,} bytes"
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(files[file])
    found = digest.hexdigest()
    return None if found == part.sha256 else f"{name}: sha256 {found}; expected {part.sha256}"


def _broken(path: Path, error: Exception, parts: Mapping[str, Part], counts: Mapping[str, int]) -> str:
    if isinstance(error, PermissionError):
        return f"{path} cannot be read: {error.strerror}"
    held = ", ".join(f"{name} {counts[name]:,} of {part.files:,}" for name, part in parts.items() if part.files > 1)
    remedy = "get it again with `python -m training data fetch`"
    size = path.stat().st_size
    if isinstance(error, EOFError):
        return (
            f"{path} is truncated: its compressed data breaks off after {size:,} bytes. Files found: {held}; {remedy}"
        )
    if not any(counts.values()):
        return f"{path} ({size:,} bytes) is not a gzip-compressed tar archive ({error}); {remedy}"
    return f"{path} is damaged ({error}). Files found before the damage: {held}; {remedy}"
