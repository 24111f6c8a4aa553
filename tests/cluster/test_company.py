"""On a cluster a row gets the answer of its text alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sentiline.cluster.driver import Cluster, score_on_cluster
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from tests.cluster.conftest import Nodes
from tests.mixtures import mixture
from tests.scoring.files import write

# What Ray Data 2.60 sets in its own settings, and warns of itself
pytestmark = pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning:ray.data.context")


def test_rows_have_the_answer_of_their_text_alone(predictor: Predictor, nodes: Nodes, tmp_path: Path) -> None:
    texts = mixture(900, seed=8)
    source = write(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    score_on_cluster(predictor, [str(source)], tmp_path / "out", ScoreOptions(), Cluster(nodes.address, part_rows=128))
    found = pq.read_table(tmp_path / "out", columns=["text", "positive"]).to_pylist()
    assert sorted(row["text"] for row in found) == sorted(texts)
    for row in found:
        (alone,) = predictor.predict([row["text"]])
        assert row["positive"] == alone.positive
