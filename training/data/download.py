"""Find the IMDB archive on this machine, or download it into the cache."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from training.data import imdb_archive as archive_file
from training.data.imdb_archive import PARTS, Part
from training.errors import ArchiveError, DownloadError

# The official home of the data set.
URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
_ATTEMPTS = 5
_ADVICE = "or name a copy on this machine with --archive or IMDB_ARCHIVE"

# Takes `(bytes so far, total bytes or None)`.
OnProgress = Callable[[int, int | None], None]


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of downloads: `SENTILINE_CACHE`, else `$XDG_CACHE_HOME/sentiline`, else `~/.cache/sentiline`.

    An empty variable counts as unset, and so does a relative `XDG_CACHE_HOME`, as its specification demands.

    Example:
        >>> cache_folder({"XDG_CACHE_HOME": "/var/cache"}).as_posix()
        '/var/cache/sentiline'
    """
    if own := environ.get("SENTILINE_CACHE"):
        return Path(own).expanduser()
    shared = Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return (shared if shared.is_absolute() else Path("~/.cache").expanduser()) / "sentiline"


def find(archive: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find the archive on this machine: `archive`, else `IMDB_ARCHIVE`, else the cached download, else None.

    Raises:
        ArchiveError: `archive` or `IMDB_ARCHIVE` names a file that does not exist.
    """
    if archive is not None:
        return _existing(Path(archive), "archive", "--archive")
    if named := environ.get("IMDB_ARCHIVE"):
        return _existing(Path(named).expanduser(), "IMDB_ARCHIVE", "IMDB_ARCHIVE")
    cached = _cached(environ)
    return cached if cached.is_file() else None


def locate(
    archive: str | os.PathLike[str] | None = None, *, url: str = URL, environ: Mapping[str, str] = os.environ
) -> Path:
    """Find the archive on this machine, or download it into the cache.

    Raises:
        ArchiveError: A file that was named does not exist, or the downloaded file is not the data set.
        DownloadError: The download failed; another call resumes it.
    """
    path = find(archive, environ=environ)
    if path is not None:
        return path
    target = _cached(environ)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(target.name, total=None)
        fetch(url, target, on_progress=lambda done, total: progress.update(task, completed=done, total=total))
    return target


def fetch(
    url: str,
    target: Path,
    *,
    parts: Mapping[str, Part] = PARTS,
    on_progress: OnProgress | None = None,
    timeout: float = 30.0,
    pause: float = 1.0,
) -> None:
    """Download an archive, verify it, and only then rename it to `target`.

    The download is written to `<target>.part` and resumed where a connection broke off, also by a later call. It
    fails after five consecutive attempts without a new byte.

    Args:
        url: An http or https address. Redirects are followed, and proxies taken from the environment.
        target: The file to create; its folder is created if needed.
        parts: The parts that the archive must hold.
        on_progress: A function that is called with the number of bytes so far and in total (None if unknown).
        timeout: The timeout for a connection or for the next bytes, in seconds.
        pause: The pause before the second attempt, in seconds; it doubles with each further attempt.

    Raises:
        DownloadError: The server does not answer or refuses, the disk is full, or another process is downloading.
        ArchiveError: The downloaded file is not the archive; it was deleted.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{part}.lock", timeout=0):
            _download(url, part, on_progress or (lambda done, total: None), timeout, pause)
            try:
                archive_file.read(part, parts=parts)
            except ArchiveError as error:
                part.unlink(missing_ok=True)
                raise ArchiveError(f"the file from {url} was deleted: {error}", field="archive") from error
            part.replace(target)
    except Timeout:
        raise DownloadError(f"another process is downloading to {part}; wait until it ends") from None
    except OSError as error:
        raise DownloadError(
            f"cannot write {part}: {error.strerror or error}; set SENTILINE_CACHE, {_ADVICE}"
        ) from error


def _download(url: str, part: Path, on_progress: OnProgress, timeout: float, pause: float) -> None:
    failures, reached = 0, -1
    with httpx.Client(follow_redirects=True, timeout=timeout) as client:
        while True:
            try:
                if _transfer(client, url, part, on_progress):
                    return
                reason = "the connection closed early"
            except httpx.UnsupportedProtocol as error:
                raise DownloadError(f"{url} is not an http address: {error}", field="url") from None
            except httpx.InvalidURL as error:
                raise DownloadError(f"{url} is not an address: {error}", field="url") from None
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            held = _size(part)
            failures, reached = (1, held) if held > reached else (failures + 1, reached)
            if failures == _ATTEMPTS:
                raise DownloadError(
                    f"{url} could not be downloaded after {_ATTEMPTS} attempts: {reason}. {held:,} bytes are kept in "
                    f"{part}; run the command again to resume, {_ADVICE}"
                )
            time.sleep(pause * 2 ** (failures - 1))


def _transfer(client: httpx.Client, url: str, part: Path, on_progress: OnProgress) -> bool:
    """Request the missing bytes; returns whether the file is complete, as far as the server says."""
    held = _size(part)
    # Only a body without content coding has the byte positions that Range counts.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={held}-"} if held else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416:  # no bytes are missing, or the part is not of this file
            if response.headers.get("Content-Range") == f"bytes */{held}":
                return True
            part.unlink(missing_ok=True)  # longer than the whole file, so not a part of it
            return False
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise httpx.HTTPError(f"the server answered {response.status_code} {response.reason_phrase}")
        if response.status_code not in (200, 206):
            raise DownloadError(f"{url} answered {response.status_code} {response.reason_phrase}; try later, {_ADVICE}")
        start, total = _extent(response)
        if start != held:
            held = 0  # the server ignored the range: start from the beginning
            if start != 0:
                part.unlink(missing_ok=True)
                return False
        with part.open("ab" if held else "wb") as file:
            on_progress(held, total)
            for chunk in response.iter_raw():
                file.write(chunk)
                held += len(chunk)
                on_progress(held, total)
            file.flush()
            os.fsync(file.fileno())
    return total is None or held == total


def _extent(response: httpx.Response) -> tuple[int, int | None]:
    """Read the first byte's position and the total size from a response."""
    if response.status_code == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None:
            return -1, None
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _cached(environ: Mapping[str, str]) -> Path:
    return cache_folder(environ) / "aclImdb_v1.tar.gz"


def _existing(path: Path, field: str, setting: str) -> Path:
    if not path.exists():
        raise ArchiveError(f"{setting} names {path}, which does not exist", field=field)
    return path
