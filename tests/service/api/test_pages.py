"""`GET /`, `GET /docs` and their files over HTTP: where they come from, how long they may be kept, what they may do."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from service.api.pages import DOCS, FOLDER, INDEX, Page

LINKS = {"docs", "openapi.json", "models", "info", "v2", "schema.json", "metrics", "readyz", "livez"}
ASSETS = sorted(path.name for path in FOLDER.iterdir() if path.name not in (INDEX, DOCS))
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def targets(self, *tags: str) -> list[str]:
        """What these tags load or link to."""
        return [
            attrs[name] or "" for tag, attrs in self.found if tag in tags for name in ("src", "href") if name in attrs
        ]


@pytest.fixture(scope="module")
def page(client: httpx.Client) -> Tags:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return Tags(answer.text)


@pytest.fixture(scope="module")
def docs(client: httpx.Client) -> Tags:
    answer = client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return Tags(answer.text)


def test_what_is_loaded_is_the_services_own(client: httpx.Client, page: Tags) -> None:
    loaded = page.targets("script", "link", "img")
    assert {target.rpartition("/")[2] for target in loaded} == {"icon.svg", "style.css", "theme.js", "app.js"}
    for target in loaded:
        assert re.fullmatch(r"page/[0-9a-f]{16}/[a-z]+\.(js|css|svg)", target)
        assert client.get(f"/{target}").status_code == 200


def test_the_documentation_loads_what_is_the_services_own(client: httpx.Client, docs: Tags) -> None:
    loaded = docs.targets("script", "link", "img")
    assert {target.rpartition("/")[2] for target in loaded} == {
        *("icon.svg", "style.css", "docs.css", "theme.js", "docs.js")
    }
    for target in loaded:
        assert target.startswith(f"page/{Page().version}/")
        assert client.get(f"/{target}").status_code == 200
    linked = {target for target in docs.targets("a") if not target.startswith("#")}
    assert linked == {"./", "openapi.json"}
    assert {"routes", "contents", "offline"} <= {attrs.get("id") for _, attrs in docs.found}


def test_nothing_is_inline(page: Tags, docs: Tags) -> None:
    for tag, attrs in page.found + docs.found:
        assert tag != "style"
        assert tag != "script" or "src" in attrs
        assert not [name for name in attrs if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", ["/", "/docs", "/page/any/app.js", "/page/any/style.css", "/page/any/icon.svg"])
def test_the_policy_allows_this_service_and_nothing_inline(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "connect", "img")} == {"'self'"}
    assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors", "trusted-types")} == {"'none'"}
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_the_links_lead_somewhere(client: httpx.Client, page: Tags) -> None:
    targets = {target for target in page.targets("a") if not target.startswith("#")}
    assert targets == LINKS
    assert all(client.get(f"/{target}").status_code == 200 for target in targets)
    assert {"id": "readings"}.items() <= next(attrs for _, attrs in page.found if attrs.get("id") == "readings").items()


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_kept_for_good_under_its_version(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/page/{Page().version}/{name}")
    assert (answer.status_code, answer.content) == (200, (FOLDER / name).read_bytes())
    assert answer.headers["content-type"] == TYPES[Path(name).suffix]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/", "/docs", "/page/0123456789abcdef/app.js"])
def test_everything_else_is_asked_for_again_and_not_sent_twice(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "no-cache")
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_the_version_changes_with_every_file(tmp_path: Path) -> None:
    versions = {Page().version}
    for name in ASSETS:
        folder = tmp_path / name
        folder.mkdir()
        for path in FOLDER.iterdir():
            (folder / path.name).write_bytes(path.read_bytes() + b"\n" * (path.name == name))
        versions.add(Page(folder).version)
    assert len(versions) == 1 + len(ASSETS)


@pytest.mark.parametrize(
    "asset", ["nothing.js", "index.html", "docs.html", "..%2Froutes.py", "..%2f..%2fpyproject.toml"]
)
def test_there_are_no_other_files(client: httpx.Client, asset: str) -> None:
    answer = client.get(f"/page/{Page().version}/{asset}")
    assert (answer.status_code, answer.json()["error_type"]) == (404, "not_found")


def test_modules_import_only_each_other() -> None:
    sources = {name: (FOLDER / name).read_text(encoding="utf-8") for name in ASSETS if name.endswith(".js")}
    imports = {name: re.findall(r'(?:from|import\()\s*"([^"]+)"', source) for name, source in sources.items()}
    imported = {urljoin(name, target) for name, targets in imports.items() for target in targets}
    assert imported <= set(sources)
    assert set(sources) - imported == {"app.js", "docs.js", "theme.js"}, "a module that nobody imports"


def test_no_file_names_another_host() -> None:
    """The namespace of SVG is a name, not an address."""
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|\burl\(|@import|\beval\(|innerHTML|insertAdjacentHTML", text), path.name


@pytest.mark.parametrize("path", ["/", "/docs"])
@pytest.mark.parametrize("prefix", ["/sentiment", "/tools/sentiment/"])
def test_a_proxy_that_strips_a_prefix_is_believed(client: httpx.Client, path: str, prefix: str) -> None:
    """A browser at `/sentiment`, without a slash at its end, finds the files under that prefix."""
    answer = client.get(path, headers={"x-forwarded-prefix": prefix})
    found = Tags(answer.text)
    root = prefix.rstrip("/") + "/"
    targets = [target for target in found.targets("script", "link", "a") if not target.startswith("#")]
    assert len(targets) > 5
    assert all(target.startswith(root) for target in targets)
    assert {client.get(urljoin("/", target[len(root) - 1 :])).status_code for target in targets} == {200}
    assert "x-forwarded-prefix" in answer.headers["vary"].lower()
    assert answer.headers["etag"] != client.get(path).headers["etag"]


@pytest.mark.parametrize("prefix", ["//evil.example", "/a//b", 'x"><script>', "https://evil.example", '/a/../b"', ""])
def test_other_prefixes_are_ignored(client: httpx.Client, prefix: str) -> None:
    assert client.get("/", headers={"x-forwarded-prefix": prefix}).content == client.get("/").content


def test_a_slash_after_docs_leads_back(client: httpx.Client) -> None:
    answer = client.get("/docs/")
    assert (answer.status_code, answer.headers["location"]) == (307, "../docs")


def test_a_page_whose_files_do_not_load_says_so() -> None:
    """The style sheet hides the notice."""
    assert ".unstyled { display: none; }" in (FOLDER / "style.css").read_text(encoding="utf-8")
    for name in ("index.html", "docs.html"):
        assert 'class="notice unstyled"' in (FOLDER / name).read_text(encoding="utf-8")
