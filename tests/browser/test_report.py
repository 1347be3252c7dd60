"""The published report in a real browser, opened as a file and with nothing else at hand."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from synthetic_study import evaluations, languages_of, write_study

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
    publish(params, evaluations(root), root / "results", root)
    return (root / "results" / "index.html").as_uri()


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


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (390, "light")], ids=str)
def page(request, browser, url):
    """The report, with everything it asked for and complained about in `page.seen`."""
    width, scheme = request.param
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
        name = f"report-{width}-{scheme}.png"
        opened.screenshot(path=Path(folder) / name, full_page=True)
    context.close()


def test_question_and_answer_are_on_the_first_screen(page):
    assert page.locator("h1").is_visible()
    answer = page.locator(".answer")
    assert answer.inner_text().startswith("Against no intermediate training")
    box = answer.bounding_box()
    assert box["y"] + box["height"] < 900


def test_tables_have_their_rows(page):
    # the tasks, the one group that has several of them, and the average
    assert page.locator("table.scores tbody tr").count() == 5 + 1 + 1
    assert page.locator("table.shortcuts tbody tr").count() == 4 * 2
    languages = page.locator("table.languages")
    assert languages.count() == len(TARGETS)
    for index, task in enumerate(TARGETS):
        rows = languages.nth(index).locator("tbody tr")
        assert rows.count() == len(languages_of(task)) + 1
    assert page.locator("svg").count() == 3


def test_what_follows_shows_its_tables(page):
    assert page.locator("table.follows-ranking tbody tr").count() == len(RECIPES) + 1
    folded = page.locator("#follows details table").first
    assert not folded.is_visible()
    page.locator("#follows summary").first.click()
    assert folded.is_visible()


def test_nothing_is_cut_off(page):
    """Wide tables scroll by themselves; the page never does."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_first_column_stays_while_a_table_scrolls(page):
    box = page.locator(".scroll").first
    before = page.locator("table.scores tbody th").first.bounding_box()["x"]
    box.evaluate("element => { element.scrollLeft = element.scrollWidth; }")
    assert page.locator("table.scores tbody th").first.bounding_box()["x"] == before


def test_text_stands_out_from_its_background(page):
    """WCAG AA: a contrast of 4.5 at least, for all text of the page in both colour schemes."""
    low = page.evaluate(_LOW_CONTRAST)
    assert low == []


def test_arabic_runs_from_right_to_left(page):
    name = page.locator("[lang=ar]").first
    assert name.inner_text() == "العربية"
    assert name.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_stages_open_without_a_script(page):
    table = page.locator("table.stages")
    assert not table.is_visible()
    page.locator("summary", has_text="Every stage").click()
    assert table.is_visible()


_LOW_CONTRAST = """() => {
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const colour = text => text.match(/[\\d.]+/g).map(Number);
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
