"""Model bundles on disk: lookup by name, the manifest, and verified reading of their files.

A bundle is a folder with `manifest.json` and the files that it names.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sentiline.code_points import has_lone_surrogates
from sentiline.cut_points import CutPoints
from sentiline.errors import BundleCorruptError, BundleNotFoundError, OptionError, SettingError
from sentiline.text_vectorization import read_tokenizer
from sentiline.tokenizer import Tokenizer
from sentiline.uncertainty import LengthThreshold, Thresholds

FORMAT = 1  # the manifest format that this release reads

MANIFEST = "manifest.json"
MODELS_VARIABLE = "SENTILINE_MODELS"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "install or export the bundle again"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file's entry in the manifest.

    Attributes:
        sha256: The lower-case hexadecimal SHA-256 of its content.
        size: Its size in bytes.
    """

    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> FileRecord:
        """Return the record of a file with this content."""
        return cls(hashlib.sha256(content).hexdigest(), len(content))


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parsed `manifest.json`; the attributes are its keys.

    Attributes:
        name: The model's name, as it appears in answers.
        version: The model's version.
        additive: Whether the graph outputs contributions that sum to the logit.
        precisions: The graph file of each precision, such as `{"fp32": "model.onnx"}`.
        default_precision: The precision used unless another is chosen.
        tokenizer: The name of the tokenizer's file.
        files: The record of every file except the manifest.
        uncertainty: The thresholds of uncertain predictions; None if the manifest has none.
        cut_points: The cut points between negative, neutral and positive texts; None if the manifest has none.
        digest: The lower-case hexadecimal SHA-256 of the manifest's bytes.
        document: The whole manifest as read, for the keys that loading does not need.
    """

    name: str
    version: str
    additive: bool
    precisions: Mapping[str, str]
    default_precision: str
    tokenizer: str
    files: Mapping[str, FileRecord]
    uncertainty: Thresholds | None
    cut_points: CutPoints | None
    digest: str
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, content: bytes, *, source: Path | str = MANIFEST) -> Manifest:
        """Parse and check a manifest.

        Args:
            content: The file's bytes, UTF-8.
            source: The file's name in error messages.

        Raises:
            BundleCorruptError: The content is not JSON, has another format, lacks a key, or contradicts itself.
        """
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BundleCorruptError(f"{source} is not valid JSON: {error}; {_REMEDY}", field=MANIFEST) from None
        if not isinstance(document, dict):
            raise BundleCorruptError(f"{source} holds {_kind(document)}, not an object; {_REMEDY}", field=MANIFEST)
        if document.get("format") != FORMAT:
            raise BundleCorruptError(
                f"{source} has format {document.get('format')!r} and this release of Sentiline reads format {FORMAT}; "
                "use the release that made the bundle, or export it again",
                field=MANIFEST,
            )
        read = _Reader(document, source)
        manifest = cls(
            name=read.name("name"),
            version=read.text("version"),
            additive=read.flag("additive"),
            precisions=read.table("precisions"),
            default_precision=read.text("default_precision"),
            tokenizer=read.text("tokenizer"),
            files=read.files("files"),
            uncertainty=read.thresholds("uncertainty"),
            cut_points=read.cut_points("neutral"),
            digest=hashlib.sha256(content).hexdigest(),
            document=MappingProxyType(document),
        )
        if manifest.default_precision not in manifest.precisions:
            read.fail("default_precision", f"one of {', '.join(manifest.precisions)}")
        for name in (manifest.tokenizer, *manifest.precisions.values()):
            if name not in manifest.files:
                read.fail("files", f'a record of "{name}", which the manifest uses')
        return manifest

    def require_cut_points(self) -> CutPoints:
        """Return the cut points.

        Raises:
            OptionError: The manifest has none, so that the model cannot tell neutral texts.
        """
        if self.cut_points is None:
            raise OptionError(
                f"neutral is set, and model {self.name} {self.version} has no cut points for neutral texts (no "
                '"neutral" in its manifest); leave neutral out, choose a model that has them, or fit them with '
                "`python -m training thresholds`",
                field="neutral",
            )
        return self.cut_points


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads typed values from a manifest; each error names the key and the value found.

    `within` is a prefix of the keys' names, for an object inside the manifest.
    """

    document: Mapping[str, Any]
    source: Path | str
    within: str = ""

    def fail(self, key: str, expected: str) -> None:
        found = json.dumps(self.document[key])[:80] if key in self.document else "nothing"
        raise BundleCorruptError(
            f'{self.source}: "{self.within}{key}" must be {expected}; found {found}; {_REMEDY}', field=MANIFEST
        )

    def text(self, key: str) -> str:
        value = self.document.get(key)
        if not isinstance(value, str) or not value:
            self.fail(key, "a non-empty string")
        elif has_lone_surrogates(value):
            self.fail(key, "a string without halves of surrogate pairs")
        return str(value)

    def name(self, key: str) -> str:
        value = self.text(key)
        if not _NAME.fullmatch(value):
            self.fail(key, "a name made of letters, digits, dots, dashes and underscores")
        return value

    def flag(self, key: str) -> bool:
        value = self.document.get(key)
        if not isinstance(value, bool):
            self.fail(key, "true or false")
        return bool(value)

    def number(self, key: str, least: float, most: float) -> float:
        value = self.document.get(key)
        # Python reads NaN, which is not JSON; it is in no range
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            self.fail(key, f"a number from {least:g} to {most:g}")
        return float(value or 0)

    def thresholds(self, key: str) -> Thresholds | None:
        value = self.document.get(key)
        if value is None:  # bundles of earlier releases have none
            return None
        if not isinstance(value, dict):
            self.fail(key, "an object of thresholds, or left out")
        inner = _Reader(value, self.source, f"{self.within}{key}.")
        return Thresholds(
            confidence=inner.number("confidence", 0.5, 1),
            unknown_rate=inner.number("unknown_rate", 0, 1),
            lengths=inner.lengths("lengths"),
            unread_rate=inner.number("unread_rate", 0.001, 1) if value.get("unread_rate") is not None else None,
        )

    def lengths(self, key: str) -> tuple[LengthThreshold, ...]:
        value = self.document.get(key)
        if value is None:  # one threshold for all lengths
            return ()
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.fail(key, 'a list of objects with "max_tokens" and "confidence", or left out')
        found: list[LengthThreshold] = []
        for index, one in enumerate(value):
            inner = _Reader(one, self.source, f"{self.within}{key}[{index}].")
            tokens, least = one.get("max_tokens"), found[-1].max_tokens + 1 if found else 1
            if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < least:
                inner.fail("max_tokens", f"a whole number of at least {least}")
            found.append(LengthThreshold(int(tokens), inner.number("confidence", 0.5, 1)))
        return tuple(found)

    def cut_points(self, key: str) -> CutPoints | None:
        value = self.document.get(key)
        if value is None:  # the model has two classes
            return None
        if not isinstance(value, dict) or not isinstance(value.get("cut_points"), dict):
            self.fail(key, 'an object with the object "cut_points", or left out')
        inner = _Reader(value["cut_points"], self.source, f"{key}.cut_points.")
        negative, positive = (inner.number(name, -100, 100) for name in ("negative", "positive"))
        if negative >= positive:
            inner.fail("positive", f"greater than {negative:g}, which is negative")
        return CutPoints(negative, positive, _Reader(value, self.source, f"{key}.").thresholds("uncertainty"))

    def table(self, key: str) -> Mapping[str, str]:
        value = self.document.get(key)
        if (
            not isinstance(value, dict)
            or not value
            or any(not isinstance(name, str) or has_lone_surrogates(key + name) for key, name in value.items())
        ):
            self.fail(key, "an object of file names")
        return MappingProxyType(dict(value or {}))

    def files(self, key: str) -> Mapping[str, FileRecord]:
        value = self.document.get(key)
        if not isinstance(value, dict):
            self.fail(key, "an object of file records")
        records = {}
        for name, record in (value or {}).items():
            if not _NAME.fullmatch(name):  # no separators, no "..": a bundle stays inside its folder
                raise BundleCorruptError(
                    f'{self.source}: file name "{name}" is not a plain name inside the bundle; {_REMEDY}',
                    field=MANIFEST,
                )
            match record:
                case {"sha256": str(sha256), "bytes": int(size)} if _SHA256.fullmatch(sha256) and 0 <= size < 2**63:
                    records[name] = FileRecord(sha256, size)
                case _:
                    raise BundleCorruptError(
                        f'{self.source}: the record of "{name}" must be {{"sha256": 64 hexadecimal digits, '
                        f'"bytes": size}}; found {json.dumps(record)[:120]}; {_REMEDY}',
                        field=MANIFEST,
                    )
        return MappingProxyType(records)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose manifest has been read; its other files are read and verified on demand.

    Attributes:
        path: The bundle's folder.
        manifest: The parsed manifest.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str) -> Bundle:
        """Read the manifest of the bundle at `path`.

        Raises:
            BundleNotFoundError: There is no folder at that path.
            BundleCorruptError: The folder has no manifest, or a malformed one.
        """
        folder = Path(path).expanduser()
        if not folder.is_dir():
            found = "a file, not a folder" if folder.exists() else "nothing"
            raise BundleNotFoundError(f"no model bundle at {folder}: found {found} there", field="model")
        return cls(folder, Manifest.from_json(_read(folder / MANIFEST), source=folder / MANIFEST))

    def read(self, name: str) -> bytes:
        """Return the content of one file, verified against the manifest.

        Raises:
            BundleCorruptError: The file is missing or unreadable, or its size or digest differs from its record.
        """
        if name not in self.manifest.files:
            raise BundleCorruptError(f'{self.path / MANIFEST} has no record of "{name}"; {_REMEDY}', field=name)
        expected = self.manifest.files[name]
        content = _read(self.path / name)
        if len(content) != expected.size:
            raise BundleCorruptError(
                f"{self.path / name} is damaged: expected {expected.size} bytes, found {len(content)}; {_REMEDY}",
                field=name,
            )
        found = hashlib.sha256(content).hexdigest()
        if found != expected.sha256:
            raise BundleCorruptError(
                f"{self.path / name} is damaged: expected SHA-256 {expected.sha256}, found {found}; {_REMEDY}",
                field=name,
            )
        return content

    def verify(self) -> None:
        """Read every file and check it against the manifest.

        Raises:
            BundleCorruptError: A file is missing or altered.
        """
        for name in self.manifest.files:
            self.read(name)

    def tokenizer(self) -> Tokenizer:
        """Load the tokenizer from its verified file.

        Raises:
            BundleCorruptError: The file is damaged or not a tokenizer.
        """
        name = self.manifest.tokenizer
        content = self.read(name)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise BundleCorruptError(f"{self.path / name} is not UTF-8: {error}; {_REMEDY}", field=name) from None
        return read_tokenizer(text, source=self.path / name)

    def precision(self, wanted: str | None = None) -> str:
        """Return `wanted`, or the default precision, if the bundle has it.

        Raises:
            OptionError: The bundle does not have it.
        """
        chosen = self.manifest.default_precision if wanted is None else wanted
        if chosen not in self.manifest.precisions:
            raise OptionError(
                f"precision is {chosen!r}; model {self.manifest.name} has {', '.join(self.manifest.precisions)}",
                field="precision",
            )
        return chosen


def search_path(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the folders in which bundles are looked up by name; the first match wins.

    They are the folders in `SENTILINE_MODELS` (separated as in `PATH`), the models installed with the package, and the
    `models` folder of a source checkout.

    Raises:
        SettingError: An entry of `SENTILINE_MODELS` is not a folder, or is itself a bundle.
    """
    wanted = [Path(entry).expanduser() for entry in environ.get(MODELS_VARIABLE, "").split(os.pathsep) if entry]
    for folder in wanted:
        if not folder.is_dir():
            raise SettingError(
                f"{MODELS_VARIABLE} names {folder}, which is not a folder; name existing folders that hold bundles",
                field=MODELS_VARIABLE,
            )
        if (folder / MANIFEST).exists():
            raise SettingError(
                f"{MODELS_VARIABLE} names {folder}, which is a bundle itself; name the folder that holds it",
                field=MODELS_VARIABLE,
            )
    package = Path(__file__).resolve().parent
    own = [package / "models"]
    if (package.parent / "pyproject.toml").is_file():
        own.append(package.parent / "models")
    return (*wanted, *(folder for folder in own if folder.is_dir()))


def installed(environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Return the folder of every bundle that can be loaded by name, intact or not, in order of lookup and name.

    Raises:
        SettingError: See `search_path`.
    """
    bundles: dict[str, Path] = {}
    for folder in search_path(environ):
        for candidate in sorted(folder.iterdir()):
            if candidate.is_dir() and _NAME.fullmatch(candidate.name) and _looks_like_bundle(candidate):
                bundles.setdefault(candidate.name, candidate)
    return bundles


def find(name_or_path: str | Path, environ: Mapping[str, str] = os.environ) -> Bundle:
    """Open the bundle with that name or at that path.

    A string of letters, digits, dots, dashes and underscores that begins with a letter or digit is a name; any other
    string (such as "./bilstm" or "~/bilstm"), and any `Path`, is a path.

    Raises:
        BundleNotFoundError: There is no such bundle; the message lists the installed ones and the folders searched.
        BundleCorruptError: The manifest is missing or malformed, or has another name than its folder.
        OptionError: The argument is neither a string nor a path.
        SettingError: See `search_path`.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise OptionError(
            f"the model is {name_or_path!r}, of type {type(name_or_path).__name__}; give a name or a path",
            field="model",
        )
    if not isinstance(name_or_path, str) or not _NAME.fullmatch(name_or_path):
        if str(name_or_path) == "":
            raise BundleNotFoundError("the model's name is empty; leave it out for the default", field="model")
        return Bundle.open(name_or_path)
    return find_by_name(name_or_path, environ)


def find_by_name(name: str, environ: Mapping[str, str] = os.environ) -> Bundle:
    """Open the installed bundle with that name; unlike `find`, never interpret it as a path.

    Raises:
        BundleNotFoundError, BundleCorruptError, SettingError: See `find`.
    """
    bundles = installed(environ)
    if name not in bundles:
        raise BundleNotFoundError(_describe_missing(name, tuple(bundles), search_path(environ)), field="model")
    bundle = Bundle.open(bundles[name])
    if bundle.manifest.name != name:
        raise BundleCorruptError(
            f'{bundle.path / MANIFEST} says its model is "{bundle.manifest.name}" but it lies under the name "{name}"; '
            "rename the folder",
            field=MANIFEST,
        )
    return bundle


def _describe_missing(name: str, names: tuple[str, ...], folders: tuple[Path, ...]) -> str:
    message = f"no model named {name!r}."
    close = difflib.get_close_matches(name.lower(), names, n=1)
    if close:
        message = f'no model named {name!r}; did you mean "{close[0]}"?'
    message += f" Installed: {', '.join(names) or 'none'}. Looked in: {', '.join(map(str, folders)) or 'no folder'}."
    if _NAME.fullmatch(name) and _looks_like_bundle(Path(name)):
        message += f" There is a folder of that name here: to load it write ./{name}"
    return message


def _looks_like_bundle(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or (folder / "tokenizer.json").exists() or any(folder.glob("*.onnx"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BundleCorruptError(f"{path} is missing from its bundle; {_REMEDY}", field=path.name) from None
    except OSError as error:
        raise BundleCorruptError(f"{path} cannot be read: {error.strerror}; {_REMEDY}", field=path.name) from error


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", type(None): "null", bool: "a boolean"}.get(type(value), "a number")
