"""The HTML report in a real browser: it renders, fits, filters, and runs nothing but its own."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

WIDTHS = {"phone": 360, "tablet": 800, "desk": 1360}

OPEN_EVERYTHING = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"

# Names of attributes that would be script.
HANDLERS = """[...document.querySelectorAll("*")].flatMap((element) =>
  element.getAttributeNames().filter((name) => name.startsWith("on")))"""

# Text and what is behind it, as [element, contrast by WCAG 2.2 §1.4.3], where it is below 4.5.
POOR_CONTRAST = """() => {
  const channels = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const luminance = (color) => {
    const [red, green, blue] = channels(color).slice(0, 3).map((channel) => {
      const value = channel / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const isSeen = (color) => channels(color)[3] !== 0 && color !== "none";
  const behind = (element) => {
    if (element.matches("text.label")) {
      let part = element;
      while (!part.matches("rect.part")) part = part.previousElementSibling;
      return getComputedStyle(part).fill;
    }
    for (let up = element; up; up = up.parentElement) {
      const color = getComputedStyle(up).backgroundColor;
      if (isSeen(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const words = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    if (!words.length || !element.checkVisibility() || element.closest("script, title")) continue;
    const style = getComputedStyle(element);
    const front = element.matches("text") ? style.fill : style.color;
    const [light, dark] = [luminance(front), luminance(behind(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push([element.outerHTML.slice(0, 90), contrast]);
  }
  return found;
}"""


@pytest.fixture
def opened(chromium):
    """Open a page: `opened(folder, fragment="", width=..., scheme=..., script=True)`."""
    contexts = []

    def open_(folder, fragment="", *, width=WIDTHS["desk"], scheme="light", script=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.troubles = []
        page.on("console", lambda message: page.troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: page.troubles.append(f"error: {error}"))
        page.on("request", lambda request: page.troubles.append(f"request: {request.url}"))
        address = (folder / "report.html").as_uri()
        page.goto(address + fragment)
        page.troubles.remove(f"request: {address}")
        return page

    yield open_
    for context in contexts:
        context.close()


@contextmanager
def paper(page):
    page.emulate_media(media="print")
    yield
    page.emulate_media(media="screen")


def cells(page):
    return page.locator("details.cell:visible")


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


# ---- it renders


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_it_fits_its_window_and_asks_for_nothing(written, opened, width, scheme):
    page = opened(written, width=width, scheme=scheme)
    expect(page.get_by_role("heading", name="Farm report")).to_be_visible()
    assert overflow(page) <= 0
    page.evaluate(OPEN_EVERYTHING)
    assert overflow(page) <= 0
    assert page.troubles == []


@pytest.mark.parametrize("kind", ["empty", "unbuilt"])
def test_a_run_with_almost_nothing_in_it_renders(kind, request, opened):
    page = opened(request.getfixturevalue(kind), width=WIDTHS["phone"])
    expect(page.get_by_role("heading", name="Farm report")).to_be_visible()
    assert cells(page).count() == (0 if kind == "empty" else 1)
    assert page.get_by_text("Interrupted:").count() == (1 if kind == "empty" else 0)
    assert overflow(page) <= 0
    assert page.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(written, opened, scheme):
    page = opened(written, scheme=scheme)
    page.evaluate(OPEN_EVERYTHING)
    assert page.evaluate(POOR_CONTRAST) == []


def test_no_verdict_is_told_by_colour_alone(written, opened):
    page = opened(written)
    document = json.loads((written / "report.json").read_text())
    told = page.locator(".matrix td a").evaluate_all(
        "links => links.map((link) => [link.hash.slice(1), link.innerText])"
    )
    assert len(told) == len(document["cells"])
    verdicts = {cell_id(cell): cell["verdict"] for cell in document["cells"]}
    assert {cell: text.split()[-1] for cell, text in told} == verdicts


def test_paper_has_what_went_wrong_open_and_no_filter(written, opened, tmp_path):
    page = opened(written)
    with paper(page):
        expect(page.locator("#filter")).to_be_hidden()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert overflow(page) <= 0
        expect(page.get_by_text("the last line")).to_be_visible()
        expect(page.locator("#cell-qemu-mips-openssl-tls13-psk")).to_be_hidden()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.cell[open]").count() == 0
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


# ---- what a board says stays text


def test_planted_script_does_not_run(written, opened):
    page = opened(written)
    page.evaluate(OPEN_EVERYTHING)
    assert page.evaluate(HANDLERS) == []
    assert page.locator("img, main script, iframe, object").count() == 0
    assert page.get_by_text("<script>window.planted = 1</script>").count() > 3
    protocols = page.locator(".links a").evaluate_all("links => links.map((a) => a.protocol)")
    assert set(protocols) == {"file:"}
    assert page.evaluate("window.planted") is None


def test_nothing_that_slips_through_would_run(written, opened):
    page = opened(written)
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.planted = 6";
          const image = document.createElement("div");
          image.innerHTML = '<img src="x.png" onerror="window.planted = 7">';
          document.body.append(script, image);
        }"""
    )
    page.locator("img").wait_for(state="attached")
    assert page.evaluate("window.planted") is None
    refused = [trouble for trouble in page.troubles if "Content Security Policy" in trouble]
    assert len(refused) >= 2


def test_a_link_to_an_artefact_is_a_path_below_the_report(written, opened):
    page = opened(written, "#cell-qemu-cortexm-openssl-tls13-psk")
    link = page.get_by_role("link", name="capture").first
    assert link.get_attribute("href") == "./artefacts/a%20b%231%3F.pcapng"


# ---- the filter


def test_the_filter_narrows_cells_matrix_and_bars(written, opened):
    page = opened(written)
    every = cells(page).count()
    page.get_by_role("combobox", name="target").select_option("qemu-mips")
    assert cells(page).count() == every // 7
    heads = page.locator(".matrix thead tr:first-child th:visible").all_inner_texts()
    assert heads == ["scenario", "qemu-mips"]
    assert page.locator("#memory .row:visible .who").all_inner_texts() == ["qemu-mips"]
    page.get_by_role("combobox", name="peer").select_option("gnutls")
    page.get_by_label("… hang 1").check()
    assert cells(page).count() == 1
    assert page.locator(".matrix tbody tr:visible th").all_inner_texts() == ["tls13-resumption"]
    expect(page.locator("#shown")).to_have_text(f"1 of {every} cells")
    page.get_by_role("button", name="Show all").click()
    expect(cells(page)).to_have_count(every)


def test_the_filter_is_used_by_keyboard_alone(written, opened):
    page = opened(written)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "text":
            break
    page.keyboard.type("RESUMPTION mips")
    assert cells(page).count() == 2
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("gn")
    assert page.get_by_role("combobox", name="peer").input_value() == "gnutls"
    assert cells(page).count() == 1
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "fail":
            break
    page.keyboard.press("Space")
    assert cells(page).count() == 0
    expect(page.get_by_text("No cell matches the filter.")).to_be_visible()


def test_what_is_chosen_is_in_the_address(written, opened):
    page = opened(written)
    page.get_by_role("combobox", name="scenario").select_option("tls13-psk")
    page.get_by_label("✗ fail 3").check()
    page.get_by_label("heap", exact=True).check()
    fragment = page.evaluate("location.hash")
    assert fragment == "#scenario=tls13-psk&verdict=fail&show=heap"
    again = opened(written, fragment)
    assert cells(again).count() == cells(page).count() == 3
    expect(again.get_by_label("heap", exact=True)).to_be_checked()


def test_the_matrix_shows_a_figure_instead_of_the_verdict(written, opened):
    page = opened(written)
    place = page.locator(".matrix tbody td").nth(2)
    assert place.inner_text().split() == ["✓", "pass"]
    page.get_by_label("verdict", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert place.inner_text() == "14,208"
    failed = page.locator(".matrix td.v-fail").first
    assert failed.inner_text().split() == ["✗", "fail", "14,208"]


# ---- cells


def test_a_cell_opens_by_keyboard_and_says_everything(written, opened):
    page = opened(written)
    body = page.locator("#cell-qemu-cortexm-gnutls-tls13-x509-p256")
    summary = page.locator("details.cell", has=body).locator("summary")
    expect(body).to_be_hidden()
    summary.focus()
    page.keyboard.press("Enter")
    expect(body).to_be_visible()
    for text in (
        "TLS_AES_128_GCM_SHA256",
        "ecdsa_secp256r1_sha256",
        "pytest tests/system/test_handshake.py --target=qemu-cortexm --peer=gnutls "
        "--scenario=tls13-x509-p256",
        "267,700,000 instructions",
        "icount shift=3, compute segments",
    ):
        expect(body).to_contain_text(text)
    outline = summary.evaluate("element => getComputedStyle(element).outlineStyle")
    assert outline != "none"


def test_a_figure_without_a_value_says_why(written, opened):
    page = opened(written, "#cell-unix-gnutls-tls13-psk")
    body = page.locator("#cell-unix-gnutls-tls13-psk")
    expect(body).to_contain_text("not measured: runs as a host process")


def test_the_matrix_leads_to_the_cell(written, opened):
    page = opened(written)
    page.get_by_label("✗ fail 3").check()
    page.locator(".matrix td.v-fail a").first.click()
    body = page.locator("#cell-qemu-cortexm-openssl-tls13-psk")
    expect(body).to_be_in_viewport()
    expect(body).to_contain_text("illegal_parameter (47)")
    focused = page.evaluate("document.activeElement.parentElement.dataset.target")
    assert focused == "qemu-cortexm"
    assert page.evaluate("location.hash").startswith("#verdict=fail&at=cell-")
    page.go_back()
    assert page.evaluate("location.hash") == "#verdict=fail"
    expect(cells(page)).to_have_count(3)


def test_the_end_of_a_console_is_seen_first(written, opened):
    page = opened(written, "#cell-qemu-mips-gnutls-tls13-resumption")
    console = page.locator("#cell-qemu-mips-gnutls-tls13-resumption .console")
    expect(console.get_by_text("the last line")).to_be_in_viewport()
    assert console.evaluate("box => box.scrollHeight > box.clientHeight && box.scrollTop === 0")


def test_without_its_script_the_page_shows_everything(written, opened):
    page = opened(written, "#cell-qemu-mips-gnutls-tls13-resumption", script=False)
    expect(page.locator("#filter")).to_be_hidden()
    assert page.locator("details.cell").count() == cells(page).count() == 70
    body = page.locator("#cell-qemu-mips-openssl-tls13-psk")
    page.locator("details.cell", has=body).locator("summary").click()
    expect(body).to_be_visible()
    page.get_by_label("stack", exact=True).check()
    assert page.locator(".matrix tbody td").nth(2).inner_text() == "5,676"


# ---- a lab's night


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDTHS["phone"], WIDTHS["desk"]])
def test_a_night_with_every_trouble_fits_and_stands_out(night, opened, width, scheme):
    page = opened(night, width=width, scheme=scheme)
    page.evaluate(OPEN_EVERYTHING)
    assert overflow(page) <= 0
    assert page.evaluate(POOR_CONTRAST) == []
    assert page.evaluate("window.planted") is None
    assert page.troubles == []


def test_why_a_run_failed_as_a_whole_is_at_the_top(night, written, opened):
    banner = opened(night).locator(".banner.failed")
    expect(banner).to_be_in_viewport()
    expect(banner).to_contain_text("target x was selected, but no cell ran on it")
    expect(banner.get_by_role("listitem")).to_have_count(2)
    assert opened(written).locator(".banner.failed").count() == 0


def test_flaky_cells_and_boards_in_quarantine_are_shown_apart(night, opened):
    page = opened(night)
    page.get_by_role("link", name="Set apart").click()
    flaky = page.get_by_role("group", name="Flaky cells").locator("tbody tr")
    expect(flaky).to_have_count(1)
    expect(flaky).to_be_in_viewport()
    assert flaky.locator("td").first.inner_text() == "3"
    expect(flaky).to_contain_text("the board died in tls_jobs:client")
    expect(flaky).to_contain_text("retries allowed by Kim until 2031-12-24")
    links = flaky.locator("td").last.get_by_role("link")
    assert links.all_inner_texts() == ["console", "failure"]
    assert links.first.get_attribute("href") == "./artefacts/cell/attempt-1/console.log"
    loose = page.get_by_role("group", name="Boards in quarantine").locator("tbody tr")
    expect(loose).to_contain_text("qemu-cortexm@loose")
    expect(loose).to_contain_text("its USB plug is loose")
    assert loose.locator("td").first.inner_text() == "5"
    attention = page.locator("#attention .finding .badge").all_inner_texts()
    assert [text.split()[-1] for text in attention] == ["wedged", "infra", "locked"]


def test_a_flaky_cell_says_what_came_of_each_attempt(night, opened):
    page = opened(night, "#cell-qemu-cortexm-flaky-openssl-tls13-psk")
    body = page.locator("#cell-qemu-cortexm-flaky-openssl-tls13-psk")
    expect(body).to_contain_text("attempt 1, error: the board died in tls_jobs:client")
    expect(body).to_contain_text("attempt 2, hang: no answer within 30 s")


# ---- the matrix of who works with whom


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_who_works_with_whom_fits_and_stands_out(compatible, opened, width, scheme):
    page = opened(compatible, width=width, scheme=scheme)
    expect(page.get_by_role("heading", name="What works with whom")).to_be_visible()
    assert overflow(page) <= 0
    assert page.evaluate(POOR_CONTRAST) == []
    assert page.evaluate("window.planted") is None
    assert page.troubles == []


def test_every_place_says_outcome_and_reason_without_colour_and_leads_to_its_cell(
    compatible, opened
):
    page = opened(compatible)
    document = json.loads((compatible / "report.json").read_text())
    told = page.locator(".compat td a").evaluate_all(
        """links => links.map((link) => [link.hash.slice(1), link.textContent, link.title,
             link.closest(".scroll").nextElementSibling.children[
               Number(link.querySelector("sup").lastChild.data) - 1].textContent.trim()])"""
    )
    assert len(told) == len(document["cells"])
    found = {cell: (text.replace("\u2713", "").strip(), *more) for cell, text, *more in told}
    for cell in document["cells"]:
        text, title, note = found[cell_id(cell)]
        word = cell["matrix"]["expected"] if cell["verdict"] == "pass" else cell["verdict"]
        shown = {"pass": "works", "skip": "not run"}.get(word, word)
        assert (shown if word != "skip" else word) in text
        assert title == f"{shown}: {note}"
        if cell["verdict"] in ("pass", "skip"):
            assert note == cell["matrix"]["reason"]
        else:
            assert cell["reason"].splitlines()[0] in note
    page.locator(".compat td.v-refused a").first.click()
    expect(page.locator("details.cell[open]")).to_have_count(1)


def test_its_tables_have_headings_for_every_row_and_column(compatible, opened):
    page = opened(compatible)
    tables = page.locator("table.compat")
    assert tables.count() == 2
    assert page.locator("#matrix").count() == 0, "there is no scenario beside it"
    table = tables.first
    assert table.locator("th[scope=colgroup]").count() == 6
    assert table.locator("th[scope=col].peer").count() == 24
    assert table.locator("th[scope=rowgroup]").all_inner_texts() == ["TLS 1.3", "TLS 1.2"]
    assert table.locator("th[scope=row]").count() == 4
    assert table.locator("td.none").count() == 2 * 6 * 3
    with paper(page):
        assert table.is_visible()
        assert overflow(page) <= 0


def cell_id(cell) -> str:
    return f"cell-{cell['target']}-{cell['peer']}-{cell['scenario']}"
