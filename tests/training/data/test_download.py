"""Finding and downloading the archive, against a real HTTP server that cuts, refuses and lies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from training.data.download import cache_folder, fetch, find, locate
from training.errors import ArchiveError, DownloadError


class _Server(ThreadingHTTPServer):
    """Serves `content`, and on request badly.

    Attributes:
        content: The whole file.
        ranges: Whether Range is honoured.
        sized: Whether the response states the size.
        cuts: For the next answers, after how many body bytes the connection breaks.
        statuses: For the next answers, an error status instead of the file.
        asked: The Range headers that came, None for none.
        codings: The Accept-Encoding headers that came.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.ranges = True
        self.sized = True
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.asked: list[str | None] = []
        self.codings: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/aclImdb_v1.tar.gz"


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        self.server.codings.append(self.headers.get("Accept-Encoding"))
        self.close_connection = True
        size = len(self.server.content)
        start = 0
        if self.server.statuses:
            self.send_error(self.server.statuses.pop(0))
            return
        if wanted is not None and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        if self.server.sized:
            self.send_header("Content-Length", str(size - start))
        self.end_headers()
        body = self.server.content[start:]
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(small: Any, tmp_path: Path) -> Iterator[_Server]:
    with _Server(small.write(tmp_path / "served.tar.gz").read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _fetch(server: _Server, small: Any, target: Path) -> list[tuple[int, int | None]]:
    seen: list[tuple[int, int | None]] = []
    fetch(
        server.url,
        target,
        parts=small.parts,
        pause=0.001,
        timeout=5,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    return seen


def _left(target: Path) -> list[str]:
    """What a download leaves in its folder, lock aside."""
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


def test_a_download_is_reported_verified_and_named(server: _Server, small: Any, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "cache" / "a.tar.gz"
    seen = _fetch(server, small, target)
    assert target.read_bytes() == server.content
    assert seen[0] == (0, len(server.content))
    assert seen[-1] == (len(server.content), len(server.content))
    assert (server.asked, _left(target)) == ([None], ["a.tar.gz"])
    assert server.codings == ["identity"]  # a content coding would shift the positions that Range counts


def test_lost_connections_are_resumed(server: _Server, small: Any, tmp_path: Path) -> None:
    server.cuts = [50_000, 1, 0, 30_000]
    target = tmp_path / "cache" / "a.tar.gz"
    _fetch(server, small, target)
    assert target.read_bytes() == server.content
    assert server.asked == [None, "bytes=50000-", "bytes=50001-", "bytes=50001-", "bytes=80001-"]


def test_an_earlier_call_is_resumed(server: _Server, small: Any, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "a.tar.gz"
    server.cuts = [40_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"after 5 attempts: .*40,000 bytes are kept in .*run the command again"):
        _fetch(server, small, target)
    assert _left(target) == ["a.tar.gz.part"]
    server.asked.clear()
    assert _fetch(server, small, target)[0] == (40_000, len(server.content))
    assert (server.asked, target.read_bytes() == server.content) == (["bytes=40000-"], True)


def test_a_server_without_ranges_starts_over(server: _Server, small: Any, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [40_000, 60_000]
    target = tmp_path / "cache" / "a.tar.gz"
    _fetch(server, small, target)
    assert target.read_bytes() == server.content
    assert server.asked == [None, "bytes=40000-", "bytes=60000-"]


def test_five_attempts_without_progress_fail(server: _Server, small: Any, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [40_000] * 20
    with pytest.raises(DownloadError, match="after 5 attempts"):
        _fetch(server, small, tmp_path / "cache" / "a.tar.gz")
    assert len(server.asked) == 5


def test_a_complete_part_is_not_downloaded_again(server: _Server, small: Any, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz.part").write_bytes(server.content)
    _fetch(server, small, tmp_path / "a.tar.gz")
    assert server.asked == [f"bytes={len(server.content)}-"]
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content


def test_a_part_longer_than_the_file_is_discarded(server: _Server, small: Any, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz.part").write_bytes(server.content + b"more")
    _fetch(server, small, tmp_path / "a.tar.gz")
    assert server.asked == [f"bytes={len(server.content) + 4}-", None]
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content


def test_a_part_of_another_file_is_found_and_deleted(server: _Server, small: Any, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "a.tar.gz"
    target.parent.mkdir()
    (tmp_path / "cache" / "a.tar.gz.part").write_bytes(b"<html>log in first</html>")
    with pytest.raises(ArchiveError, match=r"the file from .* was deleted: .* is not a gzip-compressed tar"):
        _fetch(server, small, target)
    assert _left(target) == []
    _fetch(server, small, target)
    assert target.read_bytes() == server.content


def test_a_cut_that_the_server_does_not_admit_is_found(server: _Server, small: Any, tmp_path: Path) -> None:
    server.sized, server.cuts = False, [60_000]
    target = tmp_path / "cache" / "a.tar.gz"
    with pytest.raises(ArchiveError, match=r"is truncated: .* after 60,000 bytes"):
        _fetch(server, small, target)
    assert _left(target) == []


def test_an_altered_archive_is_not_kept(server: _Server, small: Any, tmp_path: Path) -> None:
    altered = small.files["train/pos/0_9.txt"][::-1]
    server.content = small.write(tmp_path / "b.tar.gz", {"train/pos/0_9.txt": altered}).read_bytes()
    target = tmp_path / "cache" / "a.tar.gz"
    with pytest.raises(ArchiveError, match="train/pos: sha256"):
        _fetch(server, small, target)
    assert _left(target) == []


def test_server_errors_are_retried(server: _Server, small: Any, tmp_path: Path) -> None:
    server.statuses = [503, 429, 500]
    _fetch(server, small, tmp_path / "cache" / "a.tar.gz")
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [403, 404])
def test_client_errors_are_not_retried(server: _Server, small: Any, tmp_path: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(DownloadError, match=rf"answered {status} .*--archive or IMDB_ARCHIVE"):
        _fetch(server, small, tmp_path / "cache" / "a.tar.gz")
    assert len(server.asked) == 1


def test_one_download_at_a_time(server: _Server, small: Any, tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "a.tar.gz.part.lock"),
        pytest.raises(DownloadError, match="another process is downloading"),
    ):
        _fetch(server, small, tmp_path / "a.tar.gz")
    assert server.asked == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/a", "is not an http address"),
        ("a.tar.gz", "is not an http address"),
        ("http://127.0.0.1:port/a", "is not an address"),
        ("http://127.0.0.1:1/a", "after 5 attempts"),
    ],
)
def test_unusable_addresses_are_refused(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(DownloadError, match=message):
        fetch(url, tmp_path / "a.tar.gz", pause=0.001)


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match=r"cannot write .*set SENTILINE_CACHE"):
        fetch("http://127.0.0.1:1/a", tmp_path / "file" / "a.tar.gz")


def test_the_argument_wins_over_the_environment_and_the_cache(tmp_path: Path) -> None:
    named, own, cached = (tmp_path / name for name in ("named.tar.gz", "own.tar.gz", "cache/aclImdb_v1.tar.gz"))
    cached.parent.mkdir()
    for path in (named, own, cached):
        path.write_bytes(b"")
    environ = {"IMDB_ARCHIVE": str(named), "SENTILINE_CACHE": str(cached.parent)}
    assert find(own, environ=environ) == own
    assert find(environ=environ) == named
    assert find(environ=environ | {"IMDB_ARCHIVE": ""}) == cached
    assert locate(environ=environ | {"IMDB_ARCHIVE": ""}) == cached
    cached.unlink()
    assert find(environ=environ | {"IMDB_ARCHIVE": ""}) is None


def test_a_named_archive_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    cached = tmp_path / "aclImdb_v1.tar.gz"
    cached.write_bytes(b"")
    environ = {"SENTILINE_CACHE": str(tmp_path)}
    with pytest.raises(ArchiveError, match=r"--archive names .*nope, which does not exist"):
        find(tmp_path / "nope", environ=environ)
    with pytest.raises(ArchiveError, match=r"IMDB_ARCHIVE names .*nope, which does not exist"):
        locate(environ=environ | {"IMDB_ARCHIVE": str(tmp_path / "nope")})


def test_the_cache_folder_follows_the_environment() -> None:
    home = Path.home() / ".cache" / "sentiline"
    assert cache_folder({"SENTILINE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"SENTILINE_CACHE": "~/a"}) == Path.home() / "a"
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/sentiline")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == home
    assert cache_folder({"SENTILINE_CACHE": "", "XDG_CACHE_HOME": ""}) == home
    assert cache_folder({}) == home
