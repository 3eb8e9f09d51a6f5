"""The annotated page of a handshake in a real browser: it renders, fits, and runs only its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.explain.page import Subject, page

TRACES = Path(__file__).parents[2] / "tls" / "tests" / "vectors" / "recorded.traces"
OPEN_EVERYTHING = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
PLANTED = "<script>window.planted = 1</script><img src=x onerror='window.planted = 2'>"

# Words with less than 4.5 of contrast (WCAG 2.2 §1.4.3) to what is behind them.
POOR_CONTRAST = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => channels(color).slice(0, 3).map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const color = getComputedStyle(up).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.body.querySelectorAll("*")].filter((element) => {
    const nodes = [...element.childNodes];
    if (!nodes.some((node) => node.nodeType === 3 && node.data.trim())) return false;
    if (!element.checkVisibility() || element.closest("script")) return false;
    const pair = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const [light, dark] = pair.sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 90));
}"""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """The page of a recorded handshake with certificates of both ends."""
    section = TRACES.read_text("ascii").split("[tls13-mutual]")[1].split("\n[")[0]
    facts = dict(re.findall(r"^(\w+) = ([0-9a-f]+)$", section, re.MULTILINE))
    transcript = [
        Chunk(BOARD_TO_PEER if "client" in name else PEER_TO_BOARD, bytes.fromhex(value), 0.0)
        for name, value in facts.items()
        if name.startswith("flight")
    ]
    random = transcript[0].data[11:43].hex()
    key_log = "".join(
        f"{name.removeprefix('secret_').upper()} {random} {value}\n"
        for name, value in facts.items()
        if name.startswith("secret_")
    )
    exchange = Exchange(transcript, key_log, board_is_client=True)
    subject = Subject("unix-openssl-mutual", [("peer", PLANTED)], f"It failed.\n{PLANTED}")
    path = tmp_path_factory.mktemp("page") / "explained.html"
    path.write_text(page(exchange, subject), "utf-8")
    return path


@pytest.fixture
def opened(chromium, file):
    """Open the page: `opened(width=..., scheme=...)`."""
    contexts = []

    def open_(*, width=1100, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        tab = context.new_page()
        tab.troubles = []
        tab.on("console", lambda message: tab.troubles.append(message.text))
        tab.on("pageerror", lambda error: tab.troubles.append(str(error)))
        tab.on("request", lambda request: tab.troubles.append(request.url))
        tab.goto(file.as_uri())
        tab.troubles.remove(file.as_uri())
        return tab

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_it_fits_its_window_stands_out_and_asks_for_nothing(opened, width, scheme):
    tab = opened(width=width, scheme=scheme)
    expect(tab.get_by_role("heading", name="unix-openssl-mutual, byte by byte")).to_be_visible()
    tab.evaluate(OPEN_EVERYTHING)
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert tab.evaluate(POOR_CONTRAST) == []
    assert tab.troubles == []


def test_an_arrow_leads_to_its_record_and_opens_it_by_keyboard(opened):
    tab = opened()
    record = tab.locator("#r1 details")
    record.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert not record.evaluate("box => box.open")
    tab.locator("ol.sequence a").first.focus()
    tab.keyboard.press("Enter")
    expect(record).to_have_attribute("open", "")
    expect(record.get_by_text("client_hello (1)")).to_be_in_viewport()


def test_paper_has_everything_open(opened):
    tab = opened()
    tab.evaluate("document.querySelector('#r1 details').open = false")
    shut = tab.locator("details:not([open])")
    before = shut.count()
    assert before > 0
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shut.count() == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shut.count() == before
    assert tab.pdf().startswith(b"%PDF")


def test_what_the_ends_say_stays_text(opened):
    tab = opened()
    assert tab.locator("img").count() == 0
    assert tab.get_by_text("window.planted = 1").count() == 2
    tab.evaluate(
        """() => {
          const box = document.createElement("div");
          box.innerHTML = '<img src="x.png" onerror="window.planted = 3">';
          document.body.append(box);
        }"""
    )
    tab.locator("img").wait_for(state="attached")
    assert tab.evaluate("window.planted") is None
    assert any("Content Security Policy" in trouble for trouble in tab.troubles)
