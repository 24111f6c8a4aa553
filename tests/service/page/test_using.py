"""The page in use: pointing, the keyboard, sentences, models side by side, typing on, links, the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.service.page.panel import ASTRAL, TURN, Visit, ask, cursor, settled, tokens
from tests.service.server import Server


def test_pointing_ties_text_and_chart(visit: Visit, site: Server) -> None:
    root = settled(visit(ASTRAL), ASTRAL)
    steps = ask(site, ASTRAL)["timesteps"]
    for index in (1, len(steps) - 1, 0):
        root.locator(f".token[data-index='{index}']").hover()
        token, active, readout = cursor(root)
        step = steps[index]
        assert (token, active) == (step["token"], index)
        assert f"{abs(step['contribution']):.2f}" in readout
        assert step["token"] in readout
        x, y = (float(root.locator(".cursor .running").get_attribute(name) or "nan") for name in ("cx", "cy"))
        assert y == pytest.approx(152 - 140 * step["running"], abs=0.01)
        # and back: the pointer where the chart has that token
        root.locator(".legend").hover()
        expect(root.locator(".token.active")).to_have_count(0)
        root.locator(".plot").hover(position={"x": x, "y": 40})
        assert cursor(root)[:2] == (step["token"], index)


def test_the_keyboard_walks_text_and_chart(visit: Visit, site: Server) -> None:
    page = visit()
    root = settled(page, TURN)
    steps = ask(site, TURN)["timesteps"]
    last = len(steps) - 1
    page.locator("#beside").focus()
    page.keyboard.press("Tab")
    expect(root.locator(".text")).to_be_focused()
    assert cursor(root)[1] == 0
    for key, index in (("ArrowRight", 1), ("ArrowDown", 2), ("ArrowLeft", 1), ("End", last), ("ArrowRight", last)):
        page.keyboard.press(key)
        assert cursor(root)[:2] == (steps[index]["token"], index)
    expect(root.locator(".spoken")).to_contain_text(f"“{steps[last]['token']}”")
    page.keyboard.press("Tab")
    chart = root.locator(".chart")
    expect(chart).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert cursor(root)[1] == 1
    assert (chart.get_attribute("aria-valuenow"), chart.get_attribute("aria-valuemax")) == ("2", str(len(steps)))
    assert (chart.get_attribute("aria-valuetext") or "").startswith(f"“{steps[1]['token']}”")
    page.keyboard.press("Escape")
    expect(root.locator(".token.active")).to_have_count(0)


def test_sentences_are_ranked_and_lead_to_their_place(visit: Visit, site: Server) -> None:
    page = visit()
    root = settled(page, TURN)
    sentences = ask(site, TURN, detail="sentences")["sentences"]
    ranked = sorted(sentences, key=lambda sentence: -abs(sentence["contribution"]))
    buttons = root.locator("button.sentence")
    expect(buttons).to_have_count(len(ranked))
    assert buttons.locator(".words").all_inner_texts() == [sentence["sentence"] for sentence in ranked]
    assert len({sentence["contribution"] for sentence in ranked}) == len(ranked) > 2
    for position, sentence in enumerate(ranked):
        buttons.nth(position).click()
        first = sentence["sentence"].split()[0]
        assert cursor(root)[0] == first
        marked = page.evaluate("() => [...CSS.highlights.get('sentence')].map(String)")
        assert len(marked) == 1
        assert sentence["sentence"].startswith(marked[0])
        assert float(root.locator(".band").get_attribute("width") or 0) > 0
        expect(root.locator(".text")).to_be_focused()


def test_two_models_side_by_side(visit: Visit, site: Server) -> None:
    page = visit(TURN, "bilstm", "tiny")
    left, right = settled(page, TURN, 0), settled(page, TURN, 1)
    for root, model in ((left, "bilstm"), (right, "tiny")):
        prediction = ask(site, TURN, model)
        expect(root.locator(".name")).to_have_text(model)
        expect(root.locator(".score")).to_have_text(f"{100 * prediction['score']:.1f}\u00a0%")
        assert [token["text"] for token in tokens(root)] == [step["token"] for step in prediction["timesteps"]]
    boxes = [root.bounding_box() for root in (left, right)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    left.locator(".token[data-index='3']").hover()
    assert cursor(left)[:2] == cursor(right)[:2]
    page.select_option("#beside", "")
    expect(page.locator(".reading")).to_have_count(1)
    page.select_option("#model", "tiny")
    expect(settled(page, TURN).locator(".name")).to_have_text("tiny")


def test_every_model_of_the_service_can_be_chosen(visit: Visit, site: Server) -> None:
    page = visit()
    listed = httpx.get(f"{site.url}/models", timeout=120).json()["models"]
    options = page.locator("#model option").evaluate_all("(all) => all.map((one) => [one.value, one.disabled])")
    assert options == [[model["name"], model["state"] == "unusable"] for model in listed]


@pytest.mark.parametrize("aborting", [True, False])
def test_an_old_answer_never_replaces_a_new_one(visit: Visit, aborting: bool) -> None:
    """The first question is held back until the second is answered; once also in a browser that cannot abort."""
    page = visit()
    if not aborting:
        page.evaluate("() => { AbortController.prototype.abort = () => {}; }")
    held: list[Route] = []
    old, new = "I loved it, the best film.", "So boring, the worst film."

    def hold(route: Route) -> None:
        body = route.request.post_data_json
        if body["inputs"] == old and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/predict", hold)
    with page.expect_request(lambda request: request.url.endswith("/predict")):
        page.fill("#review", old)
    page.fill("#review", new)
    root = settled(page, new)
    assert len(held) == 1
    if aborting:
        assert held[0].request.failure == "net::ERR_ABORTED"
        return
    with page.expect_response(lambda response: (response.request.post_data_json or {}).get("inputs") == old):
        held[0].continue_()
    page.wait_for_load_state("networkidle")
    settled(page, new)
    expect(root.locator(".label")).to_have_count(1)


def test_the_command_line_gives_the_same_answer(visit: Visit, site: Server, tmp_path: Path) -> None:
    text = "It's \"good\", isn't it? $HOME `date` \\ !x 😍\nThe end"
    page = visit(text)
    command = page.locator("#command").inner_text()
    assert command.startswith(f"curl -s {site.url}/predict ")
    assert shutil.which("curl")
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True, cwd=tmp_path)
    answer = json.loads(done.stdout)["predictions"][0]
    assert answer == ask(site, text)


def test_a_link_brings_text_and_models_back(visit: Visit, site: Server) -> None:
    page = visit(ASTRAL, "tiny", "bilstm", permissions=["clipboard-read", "clipboard-write"])
    page.click("#share")
    expect(page.locator("#share")).to_have_text("Copied")
    link = page.evaluate("() => navigator.clipboard.readText()")
    page.goto("about:blank")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(link)
    settled(page, ASTRAL, 0)
    settled(page, ASTRAL, 1)
    assert page.locator(".name").all_inner_texts() == ["tiny", "bilstm"]
    assert sent[0] == f"{site.url}/"


def test_examples_are_there_to_be_tried(visit: Visit) -> None:
    page = visit()
    names = page.locator(".chip").all_inner_texts()
    assert len(set(names)) == len(names) >= 5
    texts = set()
    for name in names:
        page.get_by_role("button", name=name).click()
        text = page.input_value("#review")
        settled(page, text)
        texts.add(text)
    assert len(texts) == len(names)


def test_sentences_run_in_the_direction_of_their_language(visit: Visit) -> None:
    """As the text does: the exclamation mark of a Hebrew sentence stands at its left."""
    text = "הסרט הזה נהדר, a wonderful film! I loved the good ending."
    page = visit(text)
    words = page.locator(".sentences .words")
    expect(words).to_have_count(2)
    found = {words.nth(index).inner_text()[0]: words.nth(index) for index in range(2)}
    expect(found["ה"]).to_have_css("direction", "rtl")
    expect(found["I"]).to_have_css("direction", "ltr")
