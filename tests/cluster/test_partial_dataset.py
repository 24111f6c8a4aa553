"""The folder in which a data set grows: parts appear whole and once, and the data set when all are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from sentiline.cluster import publish
from sentiline.cluster.part_writer import PartWriter
from sentiline.cluster.partial_dataset import PartialDataset
from sentiline.errors import ClusterError, DataFileError
from sentiline.scoring.io.object_location import parse_location
from sentiline.scoring.io.storage import Location
from sentiline.scoring.resume.partial_output import partial_folder

HEADER = {"release": "1"}


def at(path: Path) -> Location:
    return parse_location(str(path))


def grow(path: Path, header: dict[str, Any], *, resume: bool) -> PartialDataset:
    return PartialDataset(at(path), partial_folder(at(path)), header, resume=resume)


def begin(path: Path, *, resume: bool, overwrite: bool) -> bool:
    return publish.check_target(at(path), partial_folder(at(path)), resume=resume, overwrite=overwrite)


def check_same(path: Path, header: dict[str, Any]) -> None:
    publish.check_same(at(path), header)


def fill(content: bytes) -> Any:
    def write(path: Path) -> dict[str, Any]:
        path.write_bytes(content)
        return {"rows": 1, "read": 2, "tally": {"rows": 1}, "worker": ("node", 3)}

    return write


def finish(output: PartialDataset, *parts: bytes) -> None:
    for number, content in enumerate(parts):
        output.add(output.part_writer.write(0, number, fill(content)))
    output.end_split(0, len(parts))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_data_set_appears_when_it_is_complete(tmp_path: Path) -> None:
    output = grow(tmp_path / "out", HEADER, resume=False)
    record = output.part_writer.write(0, 0, fill(b"one"))
    assert output.add(record)
    assert not output.add(output.part_writer.write(0, 0, fill(b"one"))), "written twice it is there once"
    with pytest.raises(ClusterError, match="1 of 1 splits are not finished"):
        output.publish(1, {})
    output.end_split(0, 1)
    with pytest.raises(ClusterError, match="1 of 2 splits"):
        output.publish(2, {})
    (output.folder / "parts" / ".part-000000-000001.parquet.dead").write_bytes(b"of a worker that died")
    assert names(tmp_path) == ["out.partial"]
    output.publish(1, {"format": 1})
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["_SUCCESS", "_manifest.json", "part-000000-000000.parquet"]
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    check_same(tmp_path / "out", HEADER)
    with pytest.raises(DataFileError, match="was not written with these inputs"):
        check_same(tmp_path / "out", HEADER | {"release": "2"})
    with pytest.raises(DataFileError, match="was not written with these inputs"):
        check_same(tmp_path, HEADER)
    digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # of "one", by sha256sum
    assert manifest["parts"] == [{"name": "part-000000-000000.parquet", "rows": 1, "bytes": 3, "sha256": digest}]


def test_a_worker_that_dies_leaves_no_part(tmp_path: Path) -> None:
    output = grow(tmp_path / "out", HEADER, resume=False)

    def die(path: Path) -> dict[str, Any]:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        output.part_writer.write(0, 0, die)
    assert names(output.folder / "parts") == names(output.folder / "records") == []
    output.discard()
    assert names(tmp_path) == []


def test_finished_parts_are_found_again(tmp_path: Path) -> None:
    first = grow(tmp_path / "out", HEADER, resume=False)
    finish(first, b"one", b"two")
    with pytest.raises(DataFileError, match="another run is writing"):
        grow(tmp_path / "out", HEADER, resume=True)
    first.close()
    with (first.folder / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"split": 1, "par')  # killed in the middle of a line
    with pytest.raises(DataFileError, match="release changed since"):
        grow(tmp_path / "out", {"release": "2"}, resume=True)
    second = grow(tmp_path / "out", HEADER, resume=True)
    assert sorted(second.records) == [(0, 0), (0, 1)]
    assert second.finished(0)
    assert not second.finished(1)
    with pytest.raises(DataFileError, match="belongs to another run there"):
        first.part_writer.check("a")
    second.part_writer.check("a")
    second.publish(1, {})
    assert (tmp_path / "out" / "part-000000-000001.parquet").read_bytes() == b"two"


def test_a_kill_between_the_journal_and_the_rename_loses_nothing(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        output = grow(tmp_path / "out", HEADER, resume=False)
        finish(output, content)
        if content == b"old":
            output.publish(1, {})
    names_before = names(tmp_path / "out")
    with (output.folder / "journal.jsonl").open("a") as journal:
        journal.write('{"published": true}\n')
    (output.folder / "parts" / "_manifest.json").write_text("{}")
    (output.folder / "parts" / "_SUCCESS").touch()
    output.close()
    again = grow(tmp_path / "out", HEADER, resume=True)
    assert again.published
    again.publish(1, {})
    assert names(tmp_path / "out") == names_before
    assert (tmp_path / "out" / "part-000000-000000.parquet").read_bytes() == b"new"
    assert names(tmp_path) == ["out"]


def test_a_machine_that_does_not_see_the_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        DataFileError, match=r"cannot be read there: No such file or directory \(node b\); all machines"
    ):
        PartWriter(tmp_path / "elsewhere.partial", "run").check("b")


def test_what_is_in_the_way_is_not_lost(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert begin(out, resume=False, overwrite=False)
    out.mkdir()
    assert begin(out, resume=False, overwrite=False), "an empty folder is no data set"
    (out / "thesis.txt").touch()
    with pytest.raises(DataFileError, match="exists; replace it with --overwrite"):
        begin(out, resume=False, overwrite=False)
    with pytest.raises(DataFileError, match="files other than a scored data set"):
        begin(out, resume=False, overwrite=True)
    (out / "_manifest.json").touch()
    assert begin(out, resume=False, overwrite=True)
    assert not begin(out, resume=True, overwrite=False), "complete: nothing to resume"
    with pytest.raises(DataFileError, match="give one of them"):
        begin(out, resume=True, overwrite=True)
    with pytest.raises(DataFileError, match="is a file; --engine ray writes a folder"):
        begin(out / "thesis.txt", resume=False, overwrite=True)
    with pytest.raises(DataFileError, match="there is no folder"):
        begin(tmp_path / "none" / "out", resume=False, overwrite=False)
    grow(out, HEADER, resume=False).close()
    with pytest.raises(DataFileError, match="there is an unfinished run in"):
        begin(out, resume=False, overwrite=False)


def test_a_damaged_journal_is_refused_and_kept(tmp_path: Path) -> None:
    first = grow(tmp_path / "out", HEADER, resume=False)
    finish(first, b"one")
    first.close()
    path = first.folder / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0\0\0\n")  # the last line counts as not written
    second = grow(tmp_path / "out", HEADER, resume=True)
    assert (second.counts, len(second.records)) == ({0: 1}, 1)
    second.close()
    header, *rest = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([header, b"\0\0\0\n", *rest]))
    with pytest.raises(DataFileError, match=r"partial is damaged; start over with --overwrite"):
        grow(tmp_path / "out", HEADER, resume=True)
    assert len(names(first.folder / "parts")) == 1, "nothing is thrown away unasked"


def keys(bucket: fs.SubTreeFileSystem) -> list[str]:
    infos = bucket.get_file_info(fs.FileSelector("", recursive=True))
    return sorted(info.path for info in infos if info.is_file)


def content(bucket: fs.SubTreeFileSystem, key: str) -> bytes:
    with bucket.open_input_stream(key, compression=None) as stream:
        found: bytes = stream.read()
    return found


def test_a_data_set_in_a_store_is_complete_when_its_last_file_is_there(
    bucket: fs.SubTreeFileSystem, tmp_path: Path
) -> None:
    target = parse_location("s3://reviews/a/scored")
    folder = partial_folder(target, tmp_path)
    assert publish.check_target(target, folder, resume=False, overwrite=False)
    output = PartialDataset(target, folder, HEADER, resume=False)
    finish(output, b"one", b"two", b"three")
    output.publish(1, {"format": 1})
    assert names(tmp_path) == []
    parts = [f"a/scored/part-000000-00000{number}.parquet" for number in range(3)]
    assert keys(bucket) == ["a/scored/_SUCCESS", "a/scored/_manifest.json", *parts]
    assert content(bucket, parts[2]) == b"three"
    assert not publish.check_target(target, folder, resume=True, overwrite=False)
    publish.check_same(target, HEADER)
    with pytest.raises(DataFileError, match="s3://reviews/a/scored exists; replace it with --overwrite"):
        publish.check_target(target, folder, resume=False, overwrite=False)

    # replaced by a smaller one, and killed when the manifest and a part were there
    assert publish.check_target(target, folder, resume=False, overwrite=True)
    output = PartialDataset(target, folder, {"release": "2"}, resume=False)
    finish(output, b"1", b"2")
    with (output.folder / "journal.jsonl").open("a") as journal:
        journal.write('{"published": true}\n')
    for name in ("_manifest.json", "_SUCCESS"):
        (output.folder / "parts" / name).write_text("{}")
    target.child("_SUCCESS").remove()
    for name in ("_manifest.json", "part-000000-000000.parquet"):
        target.child(name).put(output.folder / "parts" / name)
    output.close()
    assert keys(bucket) == ["a/scored/_manifest.json", *parts], "nobody takes it for complete"
    with pytest.raises(DataFileError, match="was not written with these inputs"):
        publish.check_same(target, {"release": "2"})
    assert publish.check_target(target, folder, resume=True, overwrite=False)
    again = PartialDataset(target, folder, {"release": "2"}, resume=True)
    assert again.published
    again.publish(1, {"format": 1})
    assert keys(bucket) == ["a/scored/_SUCCESS", "a/scored/_manifest.json", *parts[:2]]
    assert [content(bucket, part) for part in parts[:2]] == [b"1", b"2"]
    assert names(tmp_path) == []


def test_what_is_in_the_way_in_a_store_is_not_lost(bucket: fs.SubTreeFileSystem, tmp_path: Path) -> None:
    with bucket.open_output_stream("thesis/text.txt", compression=None) as stream:
        stream.write(b"years")
    for name, overwrite, message in (
        ("s3://reviews/thesis", True, "s3://reviews/thesis holds files other than a scored data set"),
        ("s3://reviews/thesis/text.txt", True, "is a file; --engine ray writes a folder"),
        ("s3://nowhere/scored", False, "there is no folder s3://nowhere"),
    ):
        target = parse_location(name)
        with pytest.raises(DataFileError, match=message):
            publish.check_target(target, partial_folder(target, tmp_path), resume=False, overwrite=overwrite)
    assert keys(bucket) == ["thesis/text.txt"]
