"""`GET /`, `GET /docs` and their assets: the files of `service/page/`, read once at start-up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parents[1] / "page"
INDEX = "index.html"
DOCS = "docs.html"
DOCS_ROUTE = "/docs"
ASSET_ROUTE = "/page/{version}/{asset}"

# media types by suffix; those of the mimetypes module differ from machine to machine
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_PREFIX = re.compile("(/[A-Za-z0-9._~-]+)+/?")
_REVALIDATE = "no-cache"
_VARY = "X-Forwarded-Prefix"
_IMMUTABLE = "public, max-age=31536000, immutable"


class File(NamedTuple):
    """A file as it is sent."""

    content: bytes
    media_type: str
    tag: str


class Page:
    """The routes of the pages and their assets.

    The URL of every asset contains a digest of all assets, so browsers may cache them forever and never mix the files
    of two releases.

    Attributes:
        version: The digest of all assets.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the files of `folder`.

        In its HTML, `{{root}}` becomes the URL of the service, and `{{assets}}` the path of the assets below it.
        """
        contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in TYPES}
        digest = hashlib.sha256()
        for name, content in contents.items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        self.version = digest.hexdigest()[:16]
        self._assets = {name: _file(content, TYPES[Path(name).suffix]) for name, content in contents.items()}
        self._index, self._docs = (
            partial(_html, (folder / name).read_bytes().replace(b"{{assets}}", f"page/{self.version}".encode()))
            for name in (INDEX, DOCS)
        )

    def routes(self) -> Sequence[Route]:
        """The routes."""
        return [
            Route("/", self.index, methods=["GET"]),
            Route(DOCS_ROUTE, self.docs, methods=["GET"]),
            Route(ASSET_ROUTE, self.asset, methods=["GET"]),
        ]

    async def index(self, request: Request) -> Response:
        """`GET /`; browsers revalidate it on every visit."""
        return _answer(request, self._index(_root(request)), _REVALIDATE)

    async def docs(self, request: Request) -> Response:
        """`GET /docs`; browsers revalidate it on every visit."""
        if request.scope["raw_path"].endswith(b"/"):  # its links are relative to a URL without that slash
            return Response(status_code=307, headers={"location": f"..{DOCS_ROUTE}"})
        return _answer(request, self._docs(_root(request)), _REVALIDATE)

    async def asset(self, request: Request) -> Response:
        """`GET /page/{version}/{asset}`.

        While a server is being replaced, browsers may ask for another version; they get this version's file and must
        revalidate it.
        """
        file = self._assets.get(request.path_params["asset"])
        if file is None:
            raise HTTPException(404)
        return _answer(request, file, _IMMUTABLE if request.path_params["version"] == self.version else _REVALIDATE)


def _root(request: Request) -> str:
    """Return the URL of the service: relative to the page, or what a proxy that strips a path prefix says it is.

    With a prefix, a browser may be at a URL without a slash at its end, to which no relative URL leads.
    """
    prefix = request.headers.get("x-forwarded-prefix", "")
    return prefix.rstrip("/") + "/" if _PREFIX.fullmatch(prefix) else ""


@lru_cache(16)
def _html(template: bytes, root: str) -> File:
    return _file(template.replace(b"{{root}}", root.encode()), "text/html")


def _file(content: bytes, media_type: str) -> File:
    return File(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _answer(request: Request, file: File, cache_control: str) -> Response:
    headers = {**SECURITY_HEADERS, "cache-control": cache_control, "etag": file.tag, "vary": _VARY}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if file.tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)
