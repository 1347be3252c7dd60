"""The page as a parser sees it: its answer, tables, plots, examples and downloads."""

import json

import pytest
from html_page import Page
from synthetic_study import evaluations, write_study

from xstilts.files import read_json
from xstilts.publish.page.environment import duration
from xstilts.publish.page.example_items import example_items
from xstilts.publish.page.facts import origin
from xstilts.publish.page.names import AUTONYMS, SCRIPTS
from xstilts.publish.page.report import render
from xstilts.publish.run import publish
from xstilts.publish.words.answer import sentences
from xstilts.publish.words.wording import points, signed
from xstilts.tasks.languages import LANGUAGES


def _accuracy(model, recipe, task, language, seed):
    """mnli helps xnli and ruins tatoeba; the untrained control is hopeless except in panx."""
    del seed
    if model.endswith("-untrained"):
        return 0.9 if task == "panx" else 0.1
    effects = {("mnli", "xnli"): 0.3, ("mnli", "tatoeba"): -0.6}
    return 0.65 + 0.05 * (language == "en") + effects.get((recipe, task), 0)


def _publish(root, **changes):
    arguments = {
        "recipes": {"none": [], "mnli": ["mnli"], "multi": ["mnli", "squad"]},
        "targets": ("xnli", "panx", "tatoeba"),
        "items": 60,
    }
    params = write_study(root, _accuracy, **(arguments | changes))
    publish(params, evaluations(root), root / "results", root)
    results = root / "results"
    text = (results / "index.html").read_text(encoding="utf-8")
    return (
        read_json(results / "scores.json"),
        text,
        read_json(results / "examples.json")["examples"],
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return _publish(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def board(published):
    return published[0]


@pytest.fixture(scope="module")
def page(published):
    return Page(published[1])


def test_page_opens_with_question_and_answer(board, page):
    assert page.all("h1")[0]["text"] == board["question"]
    first, *others = sentences(board)
    assert page.all("p")[0]["text"] == first
    assert first.startswith("Against no intermediate training, on the average of 3 tasks: ")
    assert board["answer"] == " ".join([first, *others])
    shown = " ".join(page.all("body")[0]["text"].split())
    assert all(shown.count(sentence) == 1 for sentence in others)


def test_page_needs_nothing_but_itself(published):
    text = published[1]
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert not [e for e in Page(text).elements if {"src", "srcset"} & e["attrs"].keys()]
    assert not Page(text).all("link")
    links = [e["attrs"]["href"] for e in Page(text).all("a")]
    assert {link.split(",")[0][:1] for link in links} == {"#", "d"}
    assert all(link.startswith(("#", "data:text/csv")) for link in links)


def test_page_is_drawn_from_scoreboard_and_examples_alone(published):
    """Every byte of it, the plots too."""
    board, text, examples = published
    assert render(board, examples) == text


def test_links_lead_to_sections(page):
    ids = {e["attrs"]["id"] for e in page.all("section")}
    links = {e["attrs"]["href"] for e in page.all("a") if "download" not in e["attrs"]}
    assert {link[1:] for link in links} == ids


def test_tables_are_accessible(page):
    tables = page.all("table")
    captioned = [e["inside"][-1] for e in page.all("caption") if e["text"].strip()]
    assert captioned == tables
    assert all(e["attrs"].get("scope") in ("row", "col", "colgroup") for e in page.all("th"))


def test_score_table_shows_value_difference_and_interval_with_a_mark(board, page):
    heads = [" ".join(e["text"].split()) for e in page.all("th", scope="col")]
    start = heads.index("averageof 3 tasks")
    assert heads[start - 1 : start + 4] == [
        *("Recipe", "averageof 3 tasks", "xnliaccuracy", "panxentity F1", "tatoebaaccuracy")
    ]
    rows = {row[0]: row[1:] for row in page.rows("scores")}
    assert list(rows) == ["none", "mnli", "multi"]
    none, mnli, _ = board["summary"][0], board["summary"][1], board["summary"][2]
    assert rows["none"][:2] == [
        points(none["average"]["value"]),
        points(none["tasks"]["xnli"]["value"]),
    ]
    delta = mnli["tasks"]["xnli"]["delta"]
    _, xnli, panx, tatoeba = rows["mnli"]
    assert xnli == (
        f"{points(mnli['tasks']['xnli']['value'])} ▲ {signed(delta['value'])} "
        f"{points(delta['low'])} to {points(delta['high'])}"
    )
    assert "▼ −" in tatoeba
    assert not {"▲", "▼"} & set(panx)


def test_groups_of_several_tasks_get_a_table(tmp_path):
    board, text, _ = _publish(tmp_path, targets=("xnli", "pawsx", "tatoeba"))
    value = board["summary"][0]["groups"]["classification"]["value"]
    assert Page(text).rows("groups")[0] == ["none", points(value)]


def test_language_table_names_family_and_script(page):
    rows = page.rows("languages")  # of xnli, the first task
    assert [row[:3] for row in rows[:2]] == [
        ["English", "Indo-European", "Latin"],
        ["Arabic العربية", "Afro-Asiatic", "Arabic"],
    ]
    assert rows[-1][0] == "zero-shot mean"
    assert len(rows) == 8 + 1


def test_right_to_left_names_are_marked(page):
    arabic = page.all("span", lang="ar")
    assert {e["attrs"]["dir"] for e in arabic} == {"rtl"}
    assert {e["attrs"]["dir"] for e in page.all("span", lang="hi")} == {"ltr"}


def test_scores_that_do_not_beat_their_shortcut_are_marked(page):
    rows = {(row[0], row[1]): row for row in page.rows("shortcuts")}
    assert rows["xnli", "English"][3] == "word-overlap"
    assert rows["xnli", "English"][5].endswith("✓")
    assert rows["panx", "zero-shot"][7].endswith("✗ not clear")  # the untrained control is ahead


def test_training_table_names_the_source(page):
    rows = {row[0]: row[1:] for row in page.rows("sources")}
    assert rows["xnli"] == ["mnli", "2 000", "3", "miniature world", "480", "8", "8"]
    assert rows["tatoeba"][0] == "nothing"
    assert [row[:2] for row in page.rows("recipes")] == [
        ["none", "nothing"],
        ["mnli", "mnli"],
        ["multi", "mnli"],
        ["multi", "squad"],
    ]


def test_notes_on_the_data_stand_once_with_their_data_sets(page):
    notes = [" ".join(e["text"].split()) for e in page.all("li") if "rows" in e["text"]]
    assert notes == ["rows are generated (mnli, multi, panx, tatoeba, xnli)"]


def test_origin_of_training_rows_is_exact():
    source = {"source": "hub", "hub": "nyu-mll/glue", "config": "mnli", "split": "train[:9%]"}
    assert origin(source | {"revision": "0123456789abcdef"}) == (
        "nyu-mll/glue, mnli, train[:9%] at 0123456789ab (hub)"
    )
    assert origin(source | {"source": None, "revision": None}) == "not recorded"


def test_plots_say_what_they_show_and_where_the_numbers_stand(page):
    plots = page.all("svg")
    assert {e["attrs"]["role"] for e in plots} == {"img"}
    labels = [e["attrs"]["aria-label"] for e in plots]
    assert all("the same numbers stand in" in own or "the file below" in own for own in labels)
    assert sum(own.startswith("Difference in points between mnli and none") for own in labels) == 1


def test_plots_have_the_colours_of_the_page(page):
    plots = page.all("svg")
    inside = [e for e in page.elements if any(own in e["inside"] for own in plots)]
    colours = {e["attrs"].get(name) for e in inside for name in ("fill", "stroke")} - {None, "none"}
    assert colours
    assert all(colour.startswith("var(--") for colour in colours)
    declared = page.all("style")[0]["text"]
    assert all(f"{colour[4:-1]}:" in declared for colour in colours)


def test_downloads_hold_what_is_drawn(board, page):
    files = page.downloads()
    assert list(files) == [
        *("differences.csv", "ranks.csv", "transfer.csv", "languages.csv", "families.csv"),
        *("dev-finetune.csv", "dev-intermediate.csv", "loss-finetune.csv"),
        *("loss-intermediate.csv", "cost.csv"),
    ]
    own = next(r for r in files["differences.csv"] if (r["recipe"], r["on"]) == ("mnli", "xnli"))
    delta = board["summary"][1]["tasks"]["xnli"]["delta"]
    assert [float(own[name]) for name in ("value", "low", "high")] == [
        delta[name] for name in ("value", "low", "high")
    ]
    assert len(files["differences.csv"]) == 2 * (3 + 1)
    assert len(files["languages.csv"]) == sum(
        len(task["languages"])
        for record in board["summary"]
        if record["control_of"] is None
        for task in record["tasks"].values()
    )
    assert {row["phase"] for row in files["cost.csv"]} == set(board["cost"]["phases"])


def test_one_seed_is_said_plainly(page, tmp_path):
    assert "one seed: seeds were not resampled" in page.all("p", **{"class": "also"})[0]["text"]
    _, text, _ = _publish(tmp_path, seeds=(0, 1), items=10)
    assert "seeds were not resampled" not in text
    assert "resampled: items, languages, seeds" in text


def test_several_models_get_tables_of_their_own(tmp_path):
    board, text, _ = _publish(tmp_path, models=("mini", "other"), items=10)
    page = Page(text)
    rows = page.rows("scores")
    assert [row[0] for row in rows[::3]] == ["none mini", "none other"]
    assert len(page.all("table", **{"class": "languages sortable"})) == 2 * 3
    shown = [e["attrs"]["aria-label"] for e in page.all("svg")]
    assert sum(own.startswith("Difference in points between") for own in shown) == 4
    assert "with mini: " in board["answer"]
    assert "; with other: " in board["answer"]


def test_a_baseline_alone_is_published_without_comparisons(tmp_path):
    board, text, _ = _publish(tmp_path, recipes={"none": []}, controls=())
    assert board["answer"].startswith("Nothing is compared here: none is the only recipe")
    shown = {e["attrs"]["id"] for e in Page(text).all("section")}
    assert not {"changes", "follows"} & shown
    assert not [e for e in Page(text).all("svg") if "ifference" in e["attrs"]["aria-label"]]


def test_what_follows_stands_in_tables_with_intervals(board, page):
    *ranks, agreement = page.rows("follows-ranking")
    judged = {own["by"]: own for own in board["statistics"]["hierarchy"]}
    best, rank = min(judged["family"]["ranks"].items(), key=lambda item: item[1]["value"])
    shown = points(rank["value"]), points(rank["low"]), points(rank["high"])
    assert ranks[0][0] == best
    assert ranks[0][2] == "{} {} to {}".format(*shown)
    assert agreement[0] == "Kendall’s W"
    assert agreement[1].startswith(f"{judged['task']['w']:.2f} p = ")
    titles = [e["text"] for e in page.all("h3")]
    start = titles.index("Between languages")
    assert titles[start : start + 3] == [
        "Between languages",
        "Ranking of the recipes",
        "What the seeds can show",
    ]
    clear = [row for row in page.rows("follows-languages") if "▲" in row[2] or "▼" in row[2]]
    assert len(clear) == sum(own["p_holm"] <= 0.05 for own in board["statistics"]["languages"])


def test_what_a_study_asks_comes_before_the_gains(board):
    asked = dict(board, asks="ranking")
    page = Page(render(asked))
    assert page.all("p")[0]["text"] == sentences(asked)[0]
    assert "language families agree on a ranking" in page.all("p")[0]["text"]
    sections = [e["attrs"]["id"] for e in page.all("section")]
    assert sections[:2] == ["follows", "changes"]
    assert [e["attrs"]["href"] for e in page.all("a")][:2] == ["#follows", "#changes"]
    shown = page.all("section", id="changes")[0]["text"]
    assert "Against no intermediate training, on the average of 3 tasks: " in shown


def test_text_of_the_study_is_escaped(board):
    """Also where a plot says it: in its label and on its axis."""
    hostile = "<script>'&\""
    renamed = json.loads(json.dumps(board).replace('"mnli"', json.dumps(hostile)))
    text = render(dict(renamed, question="Is <b>a</b> & b?"))
    assert "Is &lt;b&gt;a&lt;/b&gt; &amp; b?" in text
    assert "<script>'" not in text
    assert len(Page(text).all("script")) == 1
    labels = [e["attrs"]["aria-label"] for e in Page(text).all("svg")]
    assert any(f"between {hostile} and none" in label for label in labels)


def test_examples_stand_beside_their_translation_in_their_direction(published, page):
    board, _, examples = published
    shown = [e for e in page.all("dl") if "example" in e["attrs"].get("class", "").split()]
    items = {(own["target"], own["language"], own["id"]) for own in examples}
    assert len(shown) == len(items) > 0
    assert {own["recipe"] for own in examples} == {board["best"]["recipe"], "none"}
    one = next(own for own in examples if (own["target"], own["language"]) == ("xnli", "ar"))
    text = one["inputs"][0]["text"]
    original = next(e for e in page.all("dd", lang="ar", dir="rtl") if e["text"] == text)
    item = original["inside"][-1]
    texts = {
        e["text"]: e["attrs"].get("dir") for e in page.all("dd", lang="en") if item in e["inside"]
    }
    assert texts[one["english"][0]["text"]] is None
    assert one["gold"] in texts
    assert {e["text"] for e in page.all("dt") if item in e["inside"]} == {
        *("premise", "hypothesis", "gold", f"✗ {board['best']['recipe']}", "✗ none")
    }


def test_a_partly_right_answer_is_no_wrong_one():
    text = {"name": "sentence", "text": "猫", "language": "zh"}
    own = {"target": "panx", "language": "zh", "id": "1", "inputs": [text], "english": None}
    own |= {"gold": "猫: B-PER", "prediction": "猫: O", "answer_language": "zh"}
    runs = [own | {"recipe": "none", "correct": 0.0}, own | {"recipe": "mnli", "correct": 0.6}]
    (item,) = example_items(runs)["panx"]["zh"]
    assert [(recipe, mark) for recipe, mark, _ in item.predictions] == [
        ("none", "✗"),
        ("mnli", "~"),
    ]
    assert not item.is_parallel


def test_every_sortable_number_has_its_value(page):
    """What a column sorts by is not the text, which has marks and intervals too."""
    tables = [e for e in page.all("table") if "sortable" in e["attrs"]["class"].split()]
    assert len(tables) > 5
    cells = [
        e
        for e in page.all("td")
        if any(table in e["inside"] for table in tables)
        and "n" in e["attrs"].get("class", "").split()
        and not any(row["attrs"].get("class") for row in e["inside"] if row["tag"] == "tr")
    ]
    for cell in cells:
        text = cell["attrs"].get("data-value", cell["text"]).strip()
        assert text[0] in "–" or float(text.replace("−", "-")) is not None


def test_every_language_and_script_has_a_name_to_show():
    assert set(AUTONYMS) == set(LANGUAGES)
    assert {language.script for language in LANGUAGES.values()} <= set(SCRIPTS)


def test_numbers_are_written_as_people_read_them():
    assert [signed(value) for value in (1.25, -1.25, 0.04, -0.04)] == ["+1.2", "−1.2", "0.0", "0.0"]
    assert [duration(s) for s in (2, 59, 75, 3720)] == ["2.0 s", "59 s", "1 min 15 s", "1 h 02 min"]
