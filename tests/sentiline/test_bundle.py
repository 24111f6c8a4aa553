"""Bundles: found by name or path; every kind of damage is one error that names the file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiline.bundle import Bundle, FileRecord, find, find_by_name, installed, search_path
from sentiline.errors import BundleCorruptError, BundleNotFoundError, OptionError, SettingError
from sentiline.uncertainty import Thresholds
from tests.bundles import THRESHOLDS

FILES = ["model.int8.onnx", "model.onnx", "tokenizer.json"]


def test_reads_the_manifest(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    manifest = bundle.manifest
    assert (manifest.name, manifest.version, manifest.additive) == ("bilstm", "0.0.1", True)
    assert dict(manifest.precisions) == {"fp32": "model.onnx", "int8": "model.int8.onnx"}
    assert sorted(manifest.files) == FILES
    assert manifest.document["architecture"]["cell"] == "lstm"
    bundle.verify()
    assert bundle.tokenizer().vocabulary[2:4] == ("a", "about")
    assert bundle.read("model.onnx") == (bundle_path / "model.onnx").read_bytes()


def test_a_record_has_the_size_and_the_sha256() -> None:
    # SHA-256 of "abc": FIPS 180-4, example B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert FileRecord.of(b"abc") == FileRecord(digest, 3)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleCorruptError, match=f"{name} is missing from its bundle; install or export") as caught:
        Bundle.open(copy).verify()
    assert caught.value.field == name


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-1])
    with pytest.raises(BundleCorruptError, match=f"{name} .* expected {len(content)} bytes, found {len(content) - 1}"):
        Bundle.open(copy).read(name)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    found, expected = FileRecord.of(bytes(content)), Bundle.open(copy).manifest.files[name]
    with pytest.raises(BundleCorruptError, match=f"{name} .* SHA-256 {expected.sha256}, found {found.sha256}"):
        Bundle.open(copy).read(name)


def test_file_that_is_a_folder(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    (copy / "model.onnx").mkdir()
    with pytest.raises(BundleCorruptError, match=r"model\.onnx cannot be read: Is a directory"):
        Bundle.open(copy).read("model.onnx")


def test_a_file_without_a_record_is_refused(copy: Path) -> None:
    (copy / "more.onnx").write_bytes(b"")
    with pytest.raises(BundleCorruptError, match=r'no record of "more\.onnx"'):
        Bundle.open(copy).read("more.onnx")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not valid JSON"),
        (b'{"format": 1,', "is not valid JSON"),
        (b"\xff\xfe{", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"[1]", "holds a list, not an object"),
        (b"null", "holds null, not an object"),
        (b"{}", "has format None and this release of Sentiline reads format 1"),
        (b'{"format": 2}', "has format 2 and this release of Sentiline reads format 1"),
        (b'{"format": 1}', '"name" must be a name made of letters|"name" must be a non-empty string; found nothing'),
    ],
)
def test_a_malformed_manifest_is_refused(copy: Path, content: bytes, problem: str) -> None:
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(BundleCorruptError, match=problem) as caught:
        Bundle.open(copy)
    assert str(copy / "manifest.json") in str(caught.value)
    assert caught.value.field == "manifest.json"


RECORD = {"sha256": "0" * 64, "bytes": 1}


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({"name": 3}, '"name" must be a non-empty string; found 3'),
        ({"name": "../bilstm"}, '"name" must be a name made of letters'),
        ({"version": ""}, '"version" must be a non-empty string; found ""'),
        ({"additive": "yes"}, '"additive" must be true or false; found "yes"'),
        ({"precisions": {}}, '"precisions" must be an object of file names'),
        ({"precisions": {"fp32": 1}}, '"precisions" must be an object of file names'),
        ({"default_precision": "int4"}, '"default_precision" must be one of fp32, int8; found "int4"'),
        ({"tokenizer": None}, '"tokenizer" must be a non-empty string; found null'),
        ({"tokenizer": "other.json"}, '"files" must be a record of "other.json"'),
        ({"uncertainty": 0.8}, '"uncertainty" must be an object of thresholds, or left out; found 0.8'),
        ({"uncertainty": []}, '"uncertainty" must be an object of thresholds, or left out; found []'),
        ({"uncertainty": {}}, '"uncertainty.confidence" must be a number from 0.5 to 1; found nothing'),
        ({"uncertainty": THRESHOLDS | {"confidence": "0.8"}}, '"uncertainty.confidence" must be .*; found "0.8"'),
        ({"uncertainty": THRESHOLDS | {"confidence": True}}, '"uncertainty.confidence" must be .*; found true'),
        ({"uncertainty": THRESHOLDS | {"confidence": None}}, '"uncertainty.confidence" must be .*; found null'),
        ({"uncertainty": THRESHOLDS | {"confidence": 0.49}}, '"uncertainty.confidence" must be .*; found 0.49'),
        ({"uncertainty": THRESHOLDS | {"confidence": 80}}, '"uncertainty.confidence" must be .*; found 80'),
        ({"uncertainty": THRESHOLDS | {"confidence": math.nan}}, '"uncertainty.confidence" must be .*; found NaN'),
        (
            {"uncertainty": {"confidence": 0.8}},
            '"uncertainty.unknown_rate" must be a number from 0 to 1; found nothing',
        ),
        ({"uncertainty": THRESHOLDS | {"unknown_rate": -0.1}}, '"uncertainty.unknown_rate" must be .*; found -0.1'),
        ({"uncertainty": THRESHOLDS | {"unknown_rate": 1.1}}, '"uncertainty.unknown_rate" must be .*; found 1.1'),
        ({"uncertainty": THRESHOLDS | {"unknown_rate": [0.1]}}, '"uncertainty.unknown_rate" must be .*; found [0.1]'),
        ({"files": []}, '"files" must be an object of file records'),
        ({"files": {"../model.onnx": RECORD}}, '"../model.onnx" is not a plain name inside the bundle'),
        ({"files": {"/etc/passwd": RECORD}}, '"/etc/passwd" is not a plain name inside the bundle'),
        ({"files": {"a\\b": RECORD}}, "is not a plain name inside the bundle"),
        ({"files": {"model.onnx": {"sha256": "0" * 63, "bytes": 1}}}, 'the record of "model.onnx" must be'),
        ({"files": {"model.onnx": {"sha256": "0" * 64}}}, 'the record of "model.onnx" must be'),
        ({"files": {"model.onnx": {"sha256": "0" * 64, "bytes": -1}}}, 'the record of "model.onnx" must be'),
    ],
)
def test_a_contradictory_manifest_is_refused(edit: Callable[..., Path], entries: dict[str, Any], problem: str) -> None:
    with pytest.raises(BundleCorruptError) as caught:
        Bundle.open(edit(**entries))
    assert all(part in str(caught.value) for part in problem.split(".*"))
    assert caught.value.field == "manifest.json"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({}, None),
        ({"uncertainty": None}, None),
        ({"uncertainty": THRESHOLDS}, Thresholds(**THRESHOLDS)),
        ({"uncertainty": {"confidence": 1, "unknown_rate": 0}}, Thresholds(1.0, 0.0)),
        ({"uncertainty": {"confidence": 0.5, "unknown_rate": 1, "coverage": 0.9}}, Thresholds(0.5, 1.0)),
        ({"calibration": {"temperature": 1.7}, "uncertainty": THRESHOLDS}, Thresholds(**THRESHOLDS)),
    ],
)
def test_thresholds_are_read_from_the_manifest(
    edit: Callable[..., Path], entries: dict[str, Any], expected: Thresholds | None
) -> None:
    manifest = Bundle.open(edit(**entries)).manifest
    assert manifest.uncertainty == expected
    assert {key: manifest.document[key] for key in entries} == entries


def test_the_default_precision_can_be_overridden(bundle_path: Path) -> None:
    bundle = Bundle.open(bundle_path)
    assert (bundle.precision(), bundle.precision("fp32")) == ("int8", "fp32")
    with pytest.raises(OptionError, match="precision is 'fp16'; model bilstm has fp32, int8"):
        bundle.precision("fp16")


def test_tokenizer_that_is_not_utf8(copy: Path, edit: Callable[..., Path]) -> None:
    (copy / "tokenizer.json").write_bytes(b'{"scheme": "\xff"}')
    with pytest.raises(BundleCorruptError, match=r"tokenizer\.json is not UTF-8"):
        Bundle.open(edit()).tokenizer()


def test_folders_of_the_setting_come_first(models: Path, tmp_path: Path, copy: Path) -> None:
    environ = {"SENTILINE_MODELS": os.pathsep.join([str(copy.parent), str(models)])}
    assert search_path(environ)[:2] == (copy.parent, models)
    assert installed(environ)["bilstm"] == copy
    assert installed(environ)["scorer"] == models / "scorer"
    assert find_by_name("bilstm", environ).path == copy


def test_setting_that_names_no_folder() -> None:
    with pytest.raises(SettingError, match="SENTILINE_MODELS names /nonexistent, which is not a folder") as caught:
        search_path({"SENTILINE_MODELS": "/nonexistent"})
    assert caught.value.field == "SENTILINE_MODELS"


def test_setting_that_names_a_bundle_itself(copy: Path) -> None:
    with pytest.raises(SettingError, match="is a bundle itself; name the folder that holds it"):
        search_path({"SENTILINE_MODELS": str(copy)})


def test_other_folders_are_no_models(models: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.onnx").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    found = installed({"SENTILINE_MODELS": str(tmp_path)})
    assert "half" in found
    assert "notes" not in found
    assert "file" not in found


def test_unknown_name_lists_what_there_is(models: Path) -> None:
    with pytest.raises(BundleNotFoundError) as caught:
        find("bilsm", {"SENTILINE_MODELS": str(models)})
    message = str(caught.value)
    assert "no model named 'bilsm'; did you mean \"bilstm\"?" in message
    assert "scorer" in message
    assert f"Looked in: {models}" in message


def test_folder_of_that_name_here_is_hinted_at(
    models: Path, tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy.parent)
    copy.rename(copy.parent / "mine")
    with pytest.raises(BundleNotFoundError, match=r"to load it write \./mine"):
        find("mine", {"SENTILINE_MODELS": str(models)})
    assert find("./mine", {}).manifest.name == "bilstm"


@pytest.mark.parametrize("name", ["../bilstm", "/etc", "", ".", "a/b", "~", "bil\x00stm"])
def test_names_never_become_paths(models: Path, name: str) -> None:
    with pytest.raises(BundleNotFoundError):
        find_by_name(name, {"SENTILINE_MODELS": str(models)})


def test_bundles_open_by_path(bundle_path: Path, tmp_path: Path) -> None:
    assert find(bundle_path, {}).path == bundle_path
    assert find(str(bundle_path), {}).path == bundle_path
    with pytest.raises(BundleNotFoundError, match="found nothing there"):
        find(tmp_path / "none", {})
    with pytest.raises(BundleNotFoundError, match="a file, not a folder"):
        find(bundle_path / "model.onnx", {})
    with pytest.raises(BundleNotFoundError, match="name is empty"):
        find("", {})
    with pytest.raises(OptionError, match="the model is None, of type NoneType; give a name or a path"):
        find(None, {})  # type: ignore[arg-type]
    with pytest.raises(BundleCorruptError, match=r"manifest\.json is missing"):
        find(tmp_path, {})


def test_a_renamed_folder_opens_by_path_only(models: Path, copy: Path) -> None:
    copy.rename(copy.parent / "other")
    environ = {"SENTILINE_MODELS": str(copy.parent)}
    with pytest.raises(BundleCorruptError, match='says its model is "bilstm" but it lies under the name "other"'):
        find_by_name("other", environ)
    assert find(copy.parent / "other", environ).manifest.name == "bilstm"


def test_a_manifest_is_immutable(bundle_path: Path) -> None:
    manifest = Bundle.open(bundle_path).manifest
    with pytest.raises(TypeError):
        manifest.files["model.onnx"] = FileRecord("0" * 64, 1)  # type: ignore[index]
    assert json.loads((bundle_path / "manifest.json").read_text()) == dict(manifest.document)
