"""Fixtures of the training tests: small archives in the shape of the Large Movie Review Dataset, and a small fit."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from tests.training.fits import FLAGS, FinishedFit, finish, start, write_csv
from training.data.imdb_archive import Part
from training.supervised.run_folder import Run


class SmallArchive:
    """Files of a small archive, the parts that describe them, and a way to write them down altered."""

    def __init__(self) -> None:
        generator = np.random.default_rng(3)
        self.files: dict[str, bytes] = {}
        for half in ("train", "test"):
            for folder, stars in (("pos", 9), ("neg", 2), ("unsup", 0)):
                if half == "test" and folder == "unsup":
                    continue
                for number in range(12):  # 10 and 11 sort before 2 as text
                    words = " ".join(map(str, generator.integers(0, 1 << 60, 200)))  # hardly compressible
                    text = f"{half} {folder} {number} naïve {words}"
                    self.files[f"{half}/{folder}/{number}_{stars}.txt"] = text.encode()
                if folder != "unsup":
                    films = [number // 2 + (0 if half == "train" else 50) for number in range(12)]
                    lines = "".join(f"http://www.imdb.com/title/tt{film:07}/usercomments\n" for film in films)
                    self.files[f"{half}/urls_{folder}.txt"] = lines.encode()
        self.parts = {name: self._part(name) for name in dict.fromkeys(map(_part_of, self.files))}

    def _part(self, name: str) -> Part:
        contents = [self.files[file] for file in sorted(self.files) if _part_of(file) == name]
        joined = b"".join(contents)
        return Part(len(contents), len(joined), hashlib.sha256(joined).hexdigest())

    def write(
        self,
        path: Path,
        changes: Mapping[str, bytes | None] | None = None,
        *,
        prefix: str = "aclImdb/",
        extra: list[tarfile.TarInfo] | None = None,
    ) -> Path:
        """Write the archive; `changes` replaces, adds or (None) leaves out files; `extra` members have no content."""
        with tarfile.open(path, "w:gz") as tar:
            for member in extra or []:
                tar.addfile(member, io.BytesIO(bytes(member.size)))
            for name, content in (self.files | dict(changes or {})).items():
                if content is not None:
                    member = tarfile.TarInfo(prefix + name)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
        return path


def _part_of(name: str) -> str:
    return name if "urls_" in name else name.rpartition("/")[0]


@pytest.fixture(scope="session")
def small() -> SmallArchive:
    """A small archive; tests write altered copies of it."""
    return SmallArchive()


@pytest.fixture(scope="session")
def finished_fit(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> FinishedFit:
    """`python -m training fit` on 400 rows, once for all tests and xdist workers; nobody changes its folder."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # the parent of the workers' folders is common to them
        folder = folder.parent
    folder /= "finished_fit"
    folder.mkdir(exist_ok=True)
    csv, run, log, done = folder / "mine.csv", Run(folder / "run"), folder / "output.txt", folder / "done"
    with FileLock(folder / "lock"):
        if not done.exists():
            write_csv(csv, 400)
            flags = (f"--data={csv}", "--name=tiny", f"--run={run.folder}", "--overwrite", *FLAGS)
            finish(start("fit", "bilstm", *flags, log=log), log)
            done.touch()
    return FinishedFit(csv, 400, run, log.read_text(encoding="utf-8"))
