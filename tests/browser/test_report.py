"""The published report in a real browser, opened as a file and with nothing else at hand."""

import csv
import os
import re
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from synthetic_study import evaluations, languages_of, write_study

from xstilts.publish.page.index import write_index
from xstilts.publish.run import publish

TARGETS = ("xnli", "udpos", "panx", "mlqa", "tatoeba")
RECIPES = {"none": [], "mnli": ["mnli"], "squad": ["squad"], "multi": ["mnli", "squad"]}


def _accuracy(model, recipe, task, language, seed):
    del seed
    if model == "mini-untrained":
        return 0.3
    return 0.6 + 0.1 * (language == "en") - 0.4 * ((recipe, task) == ("mnli", "tatoeba"))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    params = write_study(root, _accuracy, recipes=RECIPES, targets=TARGETS, items=30)
    publish(params, evaluations(root), root / "results" / "made-up", root)
    broken = root / "results" / "torn"
    broken.mkdir()
    (broken / "scores.json").write_text('{"schema": 2, "study"', encoding="utf-8")
    write_index(root / "results")
    return (root / "results" / "made-up" / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("XSTILTS_CHROMIUM") or shutil.which("chromium")
    if path is None or find_spec("playwright") is None:
        message = (
            "needs chromium (apt-get install chromium, or its path in XSTILTS_CHROMIUM) and "
            "playwright (pip install playwright)"
        )
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers often lack the kernel's user namespaces that the sandbox needs.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


SCREENS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@contextmanager
def _opened(browser, url, screen, name):
    """A page, with all that it asked for and complained about checked at the end."""
    width, scheme = screen
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    seen = []
    opened.on("console", lambda message: seen.append(message.text))
    opened.on("pageerror", lambda error: seen.append(str(error)))
    opened.on("request", lambda call: seen.append(call.url) if call.url != url else None)
    opened.goto(url)
    yield opened
    assert seen == []  # no request besides the page itself, nothing on the console
    if folder := os.environ.get("XSTILTS_SCREENSHOTS"):
        picture = Path(folder) / f"{name}-{width}-{scheme}.png"
        opened.screenshot(path=picture, full_page=True)
    context.close()


@pytest.fixture(params=SCREENS, ids=str)
def page(request, browser, url):
    with _opened(browser, url, request.param, "report") as opened:
        yield opened


@pytest.fixture
def one(browser, url):
    """The page on one screen, for what does not depend on it."""
    with _opened(browser, url, SCREENS[0], "one") as opened:
        yield opened


@pytest.fixture(params=SCREENS, ids=str)
def index(request, browser, url):
    with _opened(browser, url.replace("/made-up/", "/"), request.param, "index") as opened:
        yield opened


def test_question_and_answer_are_on_the_first_screen(page):
    assert page.locator("h1").is_visible()
    answer = page.locator(".answer")
    assert answer.inner_text().startswith("Against no intermediate training")
    box = answer.bounding_box()
    assert box["y"] + box["height"] < 900


def test_tables_have_their_rows(one):
    assert one.locator("table.scores tbody tr").count() == len(RECIPES)
    assert one.locator("table.scores tbody tr").first.locator("td").count() == 1 + len(TARGETS)
    assert one.locator("table.shortcuts tbody tr").count() == 4 * 2
    languages = one.locator("table.languages")
    assert languages.count() == len(TARGETS)
    for index, task in enumerate(TARGETS):
        rows = languages.nth(index).locator("tbody tr")
        assert rows.count() == len(languages_of(task)) + 1


def test_plots_are_drawn(page):
    """Of every kind one at least, with marks that have a size and a colour."""
    for section, least in {"changes": 4, "follows": 2, "transfer": 4, "families": 1}.items():
        plots = page.locator(f"#{section} svg[role=img]")
        assert plots.count() >= least
        box = plots.first.bounding_box()
        assert box["width"] > 150
        assert box["height"] > 40
    assert page.locator("#training figure").first.locator("svg").count() >= 3
    assert page.locator("#cost svg").count() == 1
    fills = page.locator("#changes .panels svg path").evaluate_all(
        "paths => paths.map(path => getComputedStyle(path).fill)"
    )
    assert len(fills) == 3 * (len(TARGETS) + 1)
    assert len(set(fills)) > 1
    assert all(fill.startswith("rgb(") for fill in fills)


def _first_column(table):
    names = table.locator("tbody th").all_inner_texts()
    return [name.split("\n")[0].strip() for name in names]


def test_a_click_sorts_by_a_column(one):
    table = one.locator("table.scores")
    before = _first_column(table)
    button = table.get_by_role("button", name="tatoeba")
    head = table.locator("th", has=one.locator("button", has_text="tatoeba"))
    seen = []
    for order in ("descending", "ascending", None):
        button.click()
        assert head.get_attribute("aria-sort") == order
        cells = table.locator("tbody tr td:last-child").evaluate_all(
            "cells => cells.map(cell => Number(cell.dataset.value))"
        )
        seen.append(cells)
        if order:
            assert cells == sorted(cells, reverse=order == "descending")
    assert seen[0] != seen[1]
    assert _first_column(table) == before


def test_the_keyboard_sorts_too(one):
    table = one.locator("table.scores")
    table.get_by_role("button", name="Recipe").focus()
    one.keyboard.press("Enter")
    assert _first_column(table) == sorted(RECIPES)
    one.keyboard.press("Space")
    assert _first_column(table) == sorted(RECIPES, reverse=True)
    one.keyboard.press("Tab")
    focused = one.evaluate("document.activeElement.textContent")
    assert focused.startswith("average")
    one.keyboard.press("Enter")
    assert table.locator("th[aria-sort]").count() == 1  # one column at a time


def test_means_stay_at_the_end_of_a_sorted_table(one):
    table = one.locator("table.languages").first
    table.get_by_role("button", name="Language").click()
    names = _first_column(table)
    assert names[-1] == "zero-shot mean"
    assert names[:-1] == sorted(names[:-1])


def test_downloads_bring_the_numbers(one):
    with one.expect_download() as download:
        one.locator("#changes a.download").click()
    assert download.value.suggested_filename == "differences.csv"
    rows = list(csv.DictReader(download.value.path().open(encoding="utf-8")))
    assert {row["recipe"] for row in rows} == {"mnli", "squad", "multi"}
    assert len(rows) == 3 * (len(TARGETS) + 1)


def test_a_page_without_scripts_is_complete(browser, url):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(url)
    assert opened.locator("table.scores tbody tr").count() == len(RECIPES)
    assert opened.locator("button").count() == 0
    assert opened.locator("#changes svg").first.is_visible()
    context.close()


def test_what_follows_shows_its_tables(one):
    assert one.locator("table.follows-ranking tbody tr").count() == len(RECIPES) + 1
    folded = one.locator("#follows details table").first
    assert not folded.is_visible()
    one.locator("#follows summary").first.click()
    assert folded.is_visible()


def _open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach(own => { own.open = true; })")


def test_nothing_is_cut_off(page):
    """Wide tables scroll by themselves; the page never does."""
    _open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_first_column_stays_while_a_table_scrolls(page):
    box = page.locator(".scroll").first
    before = page.locator("table.scores tbody th").first.bounding_box()["x"]
    box.evaluate("element => { element.scrollLeft = element.scrollWidth; }")
    assert page.locator("table.scores tbody th").first.bounding_box()["x"] == before


def test_text_stands_out_from_its_background(page):
    """WCAG AA: a contrast of 4.5 at least, for all text of the page in both colour schemes."""
    _open_all(page)
    low = page.evaluate(_LOW_CONTRAST)
    assert low == []


def test_numbers_stand_out_from_all_colours_of_heat_maps(page):
    colours = page.evaluate(_HEAT)
    assert len(set(colours)) == 7  # each differs from the others
    assert page.locator("#changes .heat").count() == 7
    low = page.evaluate(f"({_CONTRAST_ON})({colours!r})")
    assert low == []


def test_arabic_runs_from_right_to_left(one):
    name = one.locator("#languages [lang=ar]").first
    assert name.inner_text() == "العربية"
    assert name.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_examples_show_every_script_in_its_direction(page):
    page.locator("#examples summary", has_text="xnli").click()
    arabic, chinese = (page.locator(f"#examples dd[lang={code}]").first for code in ("ar", "zh"))
    assert arabic.inner_text() == "القطة ترى البيت القديم"
    assert arabic.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert arabic.evaluate("element => getComputedStyle(element).textAlign") == "start"
    assert chinese.inner_text() == "猫看见老房子"
    assert chinese.evaluate("element => getComputedStyle(element).direction") == "ltr"
    english = page.locator("#examples dd[lang=ar] + dd[lang=en]").first
    beside = english.bounding_box(), arabic.bounding_box()
    if page.viewport_size["width"] > 1000:
        assert beside[0]["x"] > beside[1]["x"]
        assert beside[0]["y"] == beside[1]["y"]
    else:
        assert beside[0]["y"] > beside[1]["y"]


def test_stages_open_on_demand(one):
    table = one.locator("table.stages")
    assert not table.is_visible()
    one.locator("summary", has_text="Every stage").click()
    assert table.is_visible()


def test_the_page_prints_light_without_what_paper_cannot_do(page):
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("a.download").first.is_visible()
    assert page.locator("table.scores").is_visible()
    assert page.locator("#changes svg").first.is_visible()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert min(map(int, re.findall(r"\d+", paper))) > 240
    assert len(page.pdf()) > 10_000


def test_the_index_leads_to_studies_and_names_what_is_broken(index):
    assert index.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert index.evaluate(_LOW_CONTRAST) == []
    link = index.locator("table.studies a")
    assert link.get_attribute("href") == "made-up/index.html"
    assert index.locator("#answers p").first.inner_text().startswith("Against no intermediate")
    assert "torn/scores.json" in index.locator("#broken dt").inner_text()
    assert "is not JSON" in index.locator("#broken dd").inner_text()
    index.locator("table.studies").get_by_role("button", name="Study").press("Enter")
    assert index.locator("th[aria-sort=ascending]").count() == 1


_HEAT = """() => [-3, -2, -1, 0, 1, 2, 3].map(level =>
  getComputedStyle(document.querySelector(`.heat.h${level}`)).backgroundColor)"""


_LIGHT = """const light = ([r, g, b]) => {
    const linear = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const colour = text => text.match(/[\\d.]+/g).map(Number);
"""

_LOW_CONTRAST = (
    """() => {
"""
    + _LIGHT
    + """
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = colour(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const text = colour(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(text), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.add(`${element.tagName}.${element.className} ${contrast.toFixed(2)}`);
  }
  return [...found];
}"""
)

_CONTRAST_ON = (
    """colours => {
"""
    + _LIGHT
    + """
  const ink = light(colour(getComputedStyle(document.body).color));
  return colours.filter(behind => {
    const [a, b] = [ink, light(colour(behind))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  });
}"""
)
