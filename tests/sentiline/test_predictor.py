"""The predictor: values, invariances, errors, threads; on a tiny real bundle."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiline
from sentiline.errors import (
    BundleCorruptError,
    EmptyTextError,
    InputError,
    OptionError,
    SettingError,
    TextTooLongError,
    TextTypeError,
)
from sentiline.parallel import Timings
from sentiline.prediction import DETAILS, Prediction, Timestep
from sentiline.predictor import Predictor, load
from sentiline.reading import Reading
from sentiline.tokenizer import Encoding
from tests.bundles import WORDS, write_bundle

TEXTS = [
    "I loved this wonderful movie!",
    "The worst plot, and terrible acting: boring.",
    "zzz",
    "It was good but the ending was bad " * 9,
    "<br />Isn't it GREAT?! 10/10",
    "the " * 200,
]


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_each_text_has_its_prediction_in_order(predictor: Predictor) -> None:
    together = predictor.predict(TEXTS, detail="timesteps")
    assert len(together) == len(TEXTS)
    for text, prediction in zip(TEXTS, together, strict=True):
        assert predictor.predict([text], detail="timesteps") == [prediction]  # neighbours change no bit
    assert len({prediction.positive for prediction in together}) == len(TEXTS)


def test_values_agree_with_each_other(predictor: Predictor) -> None:
    for text, prediction in zip(TEXTS, predictor.predict(TEXTS, detail="timesteps"), strict=True):
        assert prediction.label == ("POSITIVE" if prediction.positive >= 0.5 else "NEGATIVE")
        assert prediction.score == max(prediction.positive, 1 - prediction.positive)
        assert prediction.positive == pytest.approx(sigmoid(prediction.logit), abs=1e-6)
        assert prediction.timesteps is not None
        assert len(prediction.timesteps) == prediction.tokens_used
        assert prediction.unknown_tokens == sum(step.unknown for step in prediction.timesteps)
        assert prediction.truncated == (prediction.tokens_used < prediction.tokens_total)
        total = prediction.bias
        for step in prediction.timesteps:
            assert step.token == text[step.start : step.end]
            assert step.contribution is not None
            total += step.contribution
            assert step.running == pytest.approx(sigmoid(total), abs=2e-6)
            assert 0 <= step.positive <= 1
        assert total == pytest.approx(prediction.logit, abs=1e-5)
        assert prediction.timesteps[-1].running == pytest.approx(prediction.positive, abs=1e-6)


def test_values_are_those_of_the_graph(predictor: Predictor) -> None:
    """The same ids through the session alone give the same numbers; in fp32 padded and in a batch too."""
    predictions = predictor.predict(TEXTS[:3], detail="timesteps")
    encodings = [predictor.tokenizer.encode(text) for text in TEXTS[:3]]
    batches = [[encoding] for encoding in encodings]
    if predictor.precision == "fp32":  # at int8 activations are quantized over the batch, coarser on some processors
        batches = [encodings]
    found = [row for batch in batches for row in _run(predictor, batch)]
    for (probability, scores, contributions), prediction in zip(found, predictions, strict=True):
        assert prediction.timesteps is not None
        assert prediction.positive == pytest.approx(probability, abs=1e-6)
        used = prediction.tokens_used
        assert [step.positive for step in prediction.timesteps] == pytest.approx(scores[:used], abs=1e-6)
        assert [step.contribution for step in prediction.timesteps] == pytest.approx(contributions[:used], abs=1e-6)
        assert not scores[used:].any()


def _run(predictor: Predictor, encodings: Sequence[Encoding]) -> Iterator[tuple[float, Any, Any]]:
    """Probability, scores and contributions of each text, from one run; with several they are padded, all of them."""
    lengths = np.array([encoding.tokens_used for encoding in encodings], np.int32)
    ids = np.zeros((len(encodings), lengths.max() + (5 if len(encodings) > 1 else 0)), np.int32)
    for row, encoding in zip(ids, encodings, strict=True):
        row[: encoding.tokens_used] = encoding.ids
    names = ["probability", "scores", "contributions"]
    outputs = predictor._graph._session.run(names, {"input_ids": ids, "lengths": lengths})
    yield from zip(map(float, outputs[0]), *outputs[1:], strict=True)


def test_timesteps_have_the_spans_of_a_known_text(predictor: Predictor) -> None:
    steps = predictor.predict(["<br />The zzz isn't GOOD!"], detail="timesteps")[0].timesteps
    assert steps is not None
    assert [(step.token, step.start, step.end, step.unknown) for step in steps] == [
        ("The", 6, 9, False),
        ("zzz", 10, 13, True),
        ("isn't", 14, 19, True),
        ("GOOD", 20, 24, False),
        ("!", 24, 25, False),
    ]


def test_detail_none_has_no_timesteps(predictor: Predictor) -> None:
    brief, full = (predictor.predict(TEXTS, detail=detail) for detail in ("none", "timesteps"))
    assert [prediction.timesteps for prediction in brief] == [None] * len(TEXTS)
    assert [dataclasses.replace(prediction, timesteps=None) for prediction in full] == brief
    assert predictor.predict(TEXTS) == brief


def test_results_are_frozen(predictor: Predictor) -> None:
    prediction = predictor.predict(["good"], detail="timesteps")[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.positive = 1.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.timesteps[0].running = 1.0  # type: ignore[index, misc]


def test_dict_has_the_json_names(predictor: Predictor) -> None:
    readings = predictor.read(TEXTS)
    answer = predictor.answer(readings, "timesteps")
    assert (list(answer), answer["model"], answer["version"]) == (
        ["model", "version", "predictions"],
        "bilstm",
        "0.0.1",
    )
    others = ("sentences", "probabilities")  # of another detail, and of three classes
    names = [field.name for field in dataclasses.fields(Prediction) if field.name not in others]
    steps = [field.name for field in dataclasses.fields(Timestep)]
    for document, prediction in zip(answer["predictions"], predictor.predict(TEXTS, detail="timesteps"), strict=True):
        assert list(document) == names
        assert all(list(step) == steps for step in document["timesteps"])
        expected = dataclasses.asdict(prediction)
        assert [expected.pop(name) for name in others] == [None, None]
        assert document == expected | {"timesteps": list(expected["timesteps"])}
    assert "timesteps" not in predictor.answer(readings)["predictions"][0]


def test_dicts_hold_plain_values_only(predictor: Predictor) -> None:
    document = predictor.read(TEXTS[:1])[0].as_dict("timesteps")
    values = [*document.values(), *document["timesteps"][0].values()]
    assert {type(value) for value in values} == {str, float, int, bool, list, type(None)}


def test_running_is_exact_on_long_texts(models: Path, tmp_path: Path) -> None:
    path = write_bundle(tmp_path / "long", max_tokens=4096)
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(WORDS, size)) for size in (1024, 2048, 4096)]
    with load(path, precision="fp32", threads=1) as predictor:
        for reading in predictor.read(texts):
            running = reading.running()
            assert running is not None
            assert len(running) == reading.encoding.tokens_used
            assert abs(running[-1] - reading.positive) <= 1e-6


def test_a_model_without_contributions_has_none(models: Path) -> None:
    with load(models / "scorer", threads=1) as predictor:
        reading = predictor.read(["good film"])[0]
        assert reading.contributions is None
        assert reading.running() is None
        steps = reading.prediction("timesteps").timesteps
        assert steps is not None
        assert [(step.contribution, step.running) for step in steps] == [(None, None)] * 2
        assert 0 < steps[0].positive < 1


def test_truncation_keeps_64_tokens_or_is_an_error(predictor: Predictor) -> None:
    text = "good " * 40 + "bad " * 40  # 80 tokens, and the model reads 64
    for policy, first, last in (("head", 0, 63), ("tail", 16, 79), ("head_tail", 0, 79)):
        prediction = predictor.predict([text], detail="timesteps", truncation=policy)[0]  # type: ignore[call-overload]
        assert (prediction.tokens_total, prediction.tokens_used, prediction.truncated) == (80, 64, True)
        starts = [match * 5 if match < 40 else 200 + (match - 40) * 4 for match in (first, last)]
        assert [prediction.timesteps[0].start, prediction.timesteps[-1].start] == starts
    with pytest.raises(TextTooLongError, match=r"texts\[1\]: the text has 80 tokens and the model reads at most 64"):
        predictor.predict(["good", text], truncation="error")


def test_an_empty_list_has_no_predictions(predictor: Predictor) -> None:
    assert predictor.predict([]) == []


def test_any_iterable_of_texts_is_accepted(predictor: Predictor) -> None:
    wanted = predictor.predict(["good", "bad"])
    assert predictor.predict(("good", "bad")) == wanted
    assert predictor.predict(word for word in ("good", "bad")) == wanted  # type: ignore[call-overload]
    assert predictor.predict(np.array(["good", "bad"])) == wanted  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("good", r"texts must be a list of strings; got one string: wrap it in \[ \]"),
        (b"good", "texts must be a list of strings; got bytes"),
        (None, "texts must be a list of strings; got NoneType"),
        (7, "texts must be a list of strings; got int"),
        ({"good": 1}, "texts must be a list of strings; got dict"),
    ],
)
def test_texts_of_another_type_are_refused(predictor: Predictor, texts: object, message: str) -> None:
    with pytest.raises(TextTypeError, match=message) as caught:
        predictor.predict(texts)  # type: ignore[call-overload]
    assert caught.value.field == "texts"


def test_errors_raise_names_the_first_bad_text(predictor: Predictor) -> None:
    for _ in range(20):  # whichever thread is first
        with pytest.raises(EmptyTextError, match=r"^texts\[3\]: the text is empty") as caught:
            predictor.predict(["good", "bad", "film", "", 5, "the", None, " "])  # type: ignore[list-item]
        assert caught.value.field == "texts[3]"


def test_errors_return_puts_them_in_place(predictor: Predictor) -> None:
    found = predictor.predict(["good", "", "bad", 5, "  "], errors="return")  # type: ignore[list-item]
    assert [type(result) for result in found] == [Prediction, EmptyTextError, Prediction, TextTypeError, EmptyTextError]
    assert [result.field for result in found if isinstance(result, InputError)] == ["texts[1]", "texts[3]", "texts[4]"]
    assert [found[0], found[2]] == predictor.predict(["good", "bad"])


def test_field_is_the_callers_name(predictor: Predictor) -> None:
    with pytest.raises(EmptyTextError, match=r"^inputs\[0\]: "):
        predictor.read([""], field="inputs")


@pytest.mark.parametrize("option", ["detail", "truncation", "errors"])
def test_unknown_options_are_refused(predictor: Predictor, option: str) -> None:
    for texts in (["good"], []):
        with pytest.raises(OptionError, match=f"{option} is 'loud'") as caught:
            predictor.predict(texts, **{option: "loud"})  # type: ignore[call-overload]
        assert caught.value.field == option


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_any_unicode_is_scored_or_refused(predictor: Predictor, text: str) -> None:
    [result] = predictor.predict([text], detail="timesteps", errors="return")
    if isinstance(result, Prediction):
        assert result.timesteps is not None
        assert all(step.token == text[step.start : step.end] for step in result.timesteps)
    else:
        assert isinstance(result, EmptyTextError)


def test_many_threads_get_the_same_predictions(predictor: Predictor) -> None:
    texts = TEXTS * 5
    wanted = predictor.predict(texts, detail="timesteps")
    results: dict[int, object] = {}

    def call(number: int) -> None:
        order = list(np.random.default_rng(number).permutation(len(texts)))
        found = predictor.predict([texts[index] for index in order], detail="timesteps")
        results[number] = [found[order.index(index)] for index in range(len(texts))]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(12), wanted)


def test_timings_add_up(bundle_path: Path) -> None:
    with load(bundle_path, threads=1) as alone:
        timings, started = Timings(), time.perf_counter()
        alone.read(TEXTS, timings=timings)
        passed = time.perf_counter() - started
        assert 0 < timings.tokenize < timings.tokenize + timings.infer < passed
        before = timings.tokenize, timings.infer
        alone.read_each(["", *TEXTS], timings=timings)
        assert timings.tokenize > before[0]
        assert timings.infer > before[1]
    with load(bundle_path, threads=3) as several:  # every thread's share is there: no text takes no time
        for count in (1, 2, 40):
            timings = Timings()
            several.read(["good film"] * count, timings=timings)
            assert timings.tokenize > 0
            assert timings.infer > 0


def test_map_calls_its_function_in_the_threads_that_read(bundle_path: Path) -> None:
    barrier = threading.Barrier(2, timeout=30)

    def make(reading: Reading) -> tuple[str, int]:
        if reading.text == "good":
            barrier.wait()  # two threads are in here at once
        return reading.text, threading.get_ident()

    with load(bundle_path, threads=2) as two:
        made = two.map(make, ["good", *TEXTS, "good"])
        assert [text for text, _ in made] == ["good", *TEXTS, "good"]
        assert len({thread for _, thread in made}) == 2
        with pytest.raises(EmptyTextError, match=r"^texts\[1\]: "):
            two.map(make, ["bad", "", "worse"])


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_mapped_function_raises_ends_the_call(bundle_path: Path, threads: int) -> None:
    called: list[str] = []

    def fail(reading: Reading) -> None:
        called.append(reading.text)
        raise KeyError(reading.text)

    with load(bundle_path, threads=threads) as several:
        with pytest.raises(KeyError):
            several.map(fail, ["good film"] * 100)
        assert len(called) <= threads
        assert len(several.read(["good"])) == 1


def test_spans_are_found_when_asked_for(predictor: Predictor) -> None:
    long = "the good film " * 900
    for text in (*TEXTS, long):
        [soon], [late] = predictor.read([text]), predictor.read([text], spans=False)
        for detail in DETAILS:
            assert late.as_dict(detail) == soon.as_dict(detail)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_number_of_threads_changes_no_bit(bundle_path: Path, predictor: Predictor, threads: int) -> None:
    with load(bundle_path, precision=predictor.precision, threads=threads) as other:
        assert other.predict(TEXTS, detail="timesteps") == predictor.predict(TEXTS, detail="timesteps")


def test_a_closed_predictor_is_an_error(bundle_path: Path) -> None:
    with load(bundle_path, threads=2) as predictor:
        predictor.predict(["good", "bad"])
    predictor.close()
    with pytest.raises(RuntimeError, match="closed"):
        predictor.predict(["good"])


def test_the_default_model_is_bilstm_at_int8(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(models))
    with sentiline.load() as predictor:
        assert (predictor.precision, predictor.bundle.path) == ("int8", models / "bilstm")
        assert repr(predictor) == f"<Predictor bilstm 0.0.1 int8, threads={predictor.threads}>"
        int8 = predictor.predict(["good"])[0].positive
    with sentiline.load(precision="fp32") as predictor:
        fp32 = predictor.predict(["good"])[0].positive
    assert int8 != fp32
    assert int8 == pytest.approx(fp32, abs=2e-2)
    monkeypatch.setenv("SENTILINE_MODELS", "/nonexistent")
    with pytest.raises(SettingError):
        sentiline.load()


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_unusable_numbers_of_threads_are_refused(bundle_path: Path, threads: object) -> None:
    with pytest.raises(OptionError, match="must be a whole number of at least 1"):
        load(bundle_path, threads=threads)  # type: ignore[arg-type]


def test_a_precision_that_the_bundle_lacks_is_refused(bundle_path: Path) -> None:
    with pytest.raises(OptionError, match="precision is 'fp16'"):
        load(bundle_path, precision="fp16")


def test_only_files_in_use_are_needed(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    with load(copy, precision="int8", threads=1) as predictor:
        assert predictor.predict(["good"])
    with pytest.raises(BundleCorruptError, match=r"model\.onnx is missing"):
        load(copy, precision="fp32")


def test_a_file_that_is_not_a_graph_is_refused(copy: Path, edit: Callable[..., Path]) -> None:
    (copy / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleCorruptError, match=r"model\.onnx is not a graph that onnxruntime .* can load"):
        load(edit(), precision="fp32")


def rename_value(path: Path, old: str, new: str) -> None:
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        if value.name == old:
            value.name = new
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("name", "kind"), [("input_ids", "input"), ("lengths", "input"), ("scores", "output"), ("contributions", "output")]
)
def test_a_graph_with_other_names_is_refused(copy: Path, edit: Callable[..., Path], name: str, kind: str) -> None:
    rename_value(copy / "model.onnx", name, "other")
    with pytest.raises(BundleCorruptError, match=f"expected {kind} .*{name}.*; found .*other") as caught:
        load(edit(), precision="fp32")
    assert caught.value.field == "model.onnx"


def test_a_graph_with_another_type_is_refused(copy: Path, edit: Callable[..., Path]) -> None:
    model = onnx.load(copy / "model.onnx")
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    onnx.save(model, copy / "model.onnx")
    with pytest.raises(BundleCorruptError, match=r"found input_ids: tensor\(int64\) of rank 2"):
        load(edit(), precision="fp32")


def test_an_additive_manifest_needs_a_graph_with_contributions(
    models: Path, copy: Path, edit: Callable[..., Path]
) -> None:
    (copy / "model.onnx").write_bytes((models / "scorer" / "model.onnx").read_bytes())
    with pytest.raises(BundleCorruptError, match=r"expected output .*contributions"):
        load(edit(), precision="fp32")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (20, "failed its first run, on the last of .* 37 ids: .*out of"),
        (50, "more rows in its embedding than .* 37 ids"),
    ],
)
def test_a_vocabulary_of_another_model_is_refused(tmp_path: Path, rows: int, problem: str, precision: str) -> None:
    path = write_bundle(tmp_path / "mixed", rows=rows)
    with pytest.raises(BundleCorruptError, match=problem):
        load(path, precision=precision)


def test_contributions_that_do_not_add_up_are_refused(copy: Path, edit: Callable[..., Path]) -> None:
    model = onnx.load(copy / "model.onnx")
    [node] = [node for node in model.graph.node if node.output[0] == "bias"]
    node.input[1] = "b"  # bias = logit - b
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "unused"))
    onnx.save(model, copy / "model.onnx")
    with pytest.raises(BundleCorruptError, match=r"bias . contributions .*, which must agree"):
        load(edit(), precision="fp32")
