"""Statistics gathered chunk by chunk against a plain loop over single predictions; saved, restored and merged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiline.predictor import Predictor, load
from sentiline.reading import Reading
from sentiline.reporting.statistics import BINS, Statistics
from sentiline.reporting.timeline import Timeline
from sentiline.reporting.words import WordTable
from sentiline.scoring.chunk import Chunk, Records
from sentiline.scoring.scorer import ChunkScorer, ScoredChunk
from tests.bundles import write_bundle


def chunks(rows: list[dict[str, Any]], size: int) -> list[Chunk]:
    names = ("id", "text", "when")
    return [
        Chunk("a.csv", "line", range(begin + 2, begin + 2 + len(part)), Records(names, part), 0)
        for begin in range(0, len(rows), size)
        if (part := rows[begin : begin + size])
    ]


@pytest.fixture(scope="module")
def scored(predictor: Predictor, rows: list[dict[str, Any]]) -> list[ScoredChunk]:
    return [ChunkScorer(predictor, "text", readings=True).score(chunk) for chunk in chunks(rows, 500)]


def gather(predictor: Predictor, scored: list[ScoredChunk]) -> Statistics:
    statistics = Statistics(predictor.tokenizer.vocabulary, "when")
    for one in scored:
        statistics.add(one)
    return statistics


def test_statistics_equal_those_of_a_plain_loop(
    predictor: Predictor, rows: list[dict[str, Any]], scored: list[ScoredChunk]
) -> None:
    statistics = gather(predictor, scored)
    histogram = [0] * BINS
    totals: dict[str, float] = {}
    counts: dict[str, int] = {}
    answers = []
    for number, row in enumerate(rows):
        if row["text"] in (None, "..."):
            continue
        [answer] = predictor.predict([row["text"]], detail="timesteps")
        answers.append((answer.logit, number))
        histogram[min(int(answer.positive * BINS), BINS - 1)] += 1
        assert answer.timesteps is not None
        for step in answer.timesteps:
            word = "<unk>" if step.unknown else step.token
            assert step.contribution is not None
            totals[word] = totals.get(word, 0.0) + step.contribution
            counts[word] = counts.get(word, 0) + 1
    assert statistics.histogram.tolist() == histogram
    ranking = statistics.words.rank(len(answers), top=100)
    assert ranking is not None
    assert ranking.unknown is not None
    words = {word.token: word for word in (*ranking.raising, *ranking.lowering, ranking.unknown)}
    assert words.keys() == totals.keys()
    for token, word in words.items():
        assert word.count == counts[token]
        assert word.total == pytest.approx(totals[token], abs=1e-3)
        assert word.mean == pytest.approx(totals[token] / counts[token], abs=1e-6)
    del totals["<unk>"]
    assert [word.token for word in ranking.raising] == sorted(
        (token for token, total in totals.items() if total > 0), key=lambda token: -totals[token]
    )
    means = [word.mean for word in ranking.raising_mean]
    assert means == sorted(means, reverse=True)
    assert means[-1] > 0
    assert statistics.faults == {
        "missing_text": ["a.csv, line 9", "a.csv, line 1302", "a.csv, line 2601"],
        "empty_text": ["a.csv, line 10"],
    }
    assert statistics.bad_date == ("a.csv, line 22", "'yesterday'")
    assert statistics.timeline.undated == 2
    for kept, order in (
        (statistics.extremes.highest, sorted(answers, key=lambda one: (-one[0], one[1]))),
        (statistics.extremes.lowest, sorted(answers)),
    ):
        seen: set[str] = set()
        unique = []
        for _, number in order:
            if rows[number]["text"] not in seen:
                seen.add(rows[number]["text"])
                unique.append(f"a.csv, line {number + 2}")
        assert [one.place for one in kept] == unique[:5]


def test_duplicates_of_a_text_are_kept_once(
    predictor: Predictor, rows: list[dict[str, Any]], scored: list[ScoredChunk]
) -> None:
    [worst] = predictor.read(["worst terrible boring bad"])
    statistics = gather(predictor, scored)
    end = statistics.extremes.lowest if worst.logit < 0 else statistics.extremes.highest
    texts = [one.text for one in end]
    assert len(set(texts)) == 5


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_restored_statistics_end_bit_identical(predictor: Predictor, scored: list[ScoredChunk], cut: int) -> None:
    whole = gather(predictor, scored)
    first = gather(predictor, scored[:cut])
    second = Statistics(predictor.tokenizer.vocabulary, "when")
    second.restore(first.dump())
    for one in scored[cut:]:
        second.add(one)
    assert second.dump() == whole.dump()
    assert second.words.sums.tobytes() == whole.words.sums.tobytes()
    assert second.extremes.highest == whole.extremes.highest


def test_a_rare_word_is_not_ranked_by_mean() -> None:
    table = WordTable(["<pad>", "<unk>", "rare", "often", "never"])
    table.sums = np.array([0.0, 9.0, 50.0, 10.0, 0.0])
    table.counts = np.array([0, 3, 1, 100, 0])
    ranking = table.rank(10_000)
    assert ranking is not None
    assert ranking.least == 20
    assert [word.token for word in ranking.raising] == ["rare", "often"]
    assert [word.token for word in ranking.raising_mean] == ["often"]
    assert ranking.lowering == ranking.lowering_mean == ()
    assert WordTable(["<pad>", "<unk>"]).rank(5) is None


def test_a_model_that_is_not_additive_has_no_word_ranking(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    with load(write_bundle(tmp_path / "plain", additive=False), threads=1) as plain:
        scorer = ChunkScorer(plain, "text", readings=True)
        statistics = gather(plain, [scorer.score(chunk) for chunk in chunks(rows[:60], 30)])
        assert statistics.words.rank(60) is None
        excerpt = statistics.extremes.highest[0]
        assert not excerpt.additive
        [reading] = plain.read([excerpt.text])
        assert isinstance(reading, Reading)
        effects = [value for _, value in excerpt.pieces if value is not None]
        assert effects == pytest.approx((reading.scores - 0.5).tolist(), abs=1e-4)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_statistics_of_parts_merge_into_those_of_the_whole(
    predictor: Predictor, rows: list[dict[str, Any]], scored: list[ScoredChunk], size: int
) -> None:
    renamed = [replace(one, chunk=replace(one.chunk, file=f"{index // 3}.csv")) for index, one in enumerate(scored)]
    whole, merged = gather(predictor, renamed), Statistics(predictor.tokenizer.vocabulary, "when")
    for begin in range(0, len(renamed), size):
        merged.merge(gather(predictor, renamed[begin : begin + size]).dump())
    assert merged.histogram.tolist() == whole.histogram.tolist()
    assert merged.positive_sum == pytest.approx(whole.positive_sum, rel=1e-12)
    assert merged.words.counts.tolist() == whole.words.counts.tolist()
    np.testing.assert_allclose(merged.words.sums, whole.words.sums, rtol=1e-9, atol=1e-9)
    assert merged.timeline.periods() == whole.timeline.periods()
    assert merged.timeline.undated == whole.timeline.undated
    assert merged.extremes.highest == whole.extremes.highest
    assert merged.extremes.lowest == whole.extremes.lowest
    assert (merged.faults, merged.bad_date) == (whole.faults, whole.bad_date)
    assert (merged.files, merged.file_count) == (whole.files, whole.file_count)


def test_timelines_by_day_and_by_month_merge() -> None:
    first, second, whole = Timeline(), Timeline(), Timeline()
    days = list(range(700_000, 705_000))
    for timeline, some in ((first, days[:500]), (second, days[500:]), (whole, days)):
        timeline.add(some, (day % 3 == 0 for day in some))
    merged = Timeline.from_dict(first.as_dict())
    merged.merge(second)
    assert merged.periods() == whole.periods()
    second.merge(first)
    assert second.periods() == whole.periods()
