"""The index over all studies: what it says of each, and what it cannot read."""

from boards import OWN, TOTAL, board, interval, record

from xstilts.files import read_json
from xstilts.publish.page.index import index_row, render_index, write_index

BEST = {"model": "m", "recipe": "mnli", "seed": 0}


def _board(**changes):
    records = [record("none", None), record("mnli", interval(1.0, 3.0))]
    own = board(records, changes.pop("total", TOTAL))
    own |= {"study": "demo", "question": "Does <mnli> help?", "benchmark": "xtreme"}
    own |= {"source": "world", "best": BEST, "missing": []}
    return own | changes


def test_a_row_has_the_answer_and_the_best_run():
    row = index_row(_board(), "demo")
    assert row["page"] == "demo/index.html"
    assert row["answer"].startswith("Against no intermediate training")
    assert (row["best"], row["average"], row["delta"]["value"]) == (BEST, 50.0, 2.0)
    assert (row["run"], row["written"], row["missing"]) == (None, None, 0)


def test_a_row_says_what_was_averaged():
    assert index_row(_board(), "demo")["scored_on"] == "XTREME"
    own = index_row(_board(total=OWN | {"tasks": ["xnli"]}), "demo")
    assert (own["scored_on"], own["mean"], own["tasks"]) == ("its own targets", "mean", 1)


def test_a_part_without_a_best_run_has_no_average():
    cell = {"model": "m", "recipe": "mnli", "target": "xnli", "seed": 0}
    row = index_row(_board(best=None, missing=[cell]), "demo-partial")
    assert (row["best"], row["average"], row["delta"], row["missing"]) == (None, None, None, 1)
    assert "1 missing" in render_index([row], {})


def test_runs_of_a_store_have_columns_of_their_own():
    local = index_row(_board(), "demo")
    stored = index_row(_board(), "demo/0123abcd/results", "0123abcd", "2026-05-04T08:09:10Z")
    assert "0123abcd" not in render_index([local], {})
    page = render_index([stored, local], {})
    assert '<th scope="col">Published</th>' in page
    assert 'href="demo/0123abcd/results/index.html"' in page
    assert "<td>0123abcd</td><td>2026-05-04 08:09</td>" in page
    assert page.count("Does &lt;mnli&gt; help?") == 1  # the newest run answers for the study
    assert "1 published, 2 results." in page


def test_text_is_escaped():
    page = render_index([index_row(_board(), "demo")], {"<b>/scores.json": "no & JSON"})
    assert "Does &lt;mnli&gt; help?" in page
    assert "<b>" not in page
    assert "no &amp; JSON" in page


def test_files_that_are_no_scoreboard_are_named(tmp_path):
    for name, text in {"torn": "{", "foreign": "[]", ".new": "{"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.json").write_text(text)
    (tmp_path / "odd" / "scores.json").mkdir(parents=True)
    write_index(tmp_path)
    index = read_json(tmp_path / "index.json")
    assert index["studies"] == []
    assert list(index["broken"]) == [
        *("foreign/scores.json", "odd/scores.json", "torn/scores.json")
    ]
    assert index["broken"]["odd/scores.json"].endswith("cannot be read: Is a directory.")
    assert str(tmp_path) not in str(index)  # the same wherever it lies
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "No study has been published here." in page
    assert "torn/scores.json" in page


def test_an_empty_folder_has_an_index(tmp_path):
    write_index(tmp_path)
    assert read_json(tmp_path / "index.json") == {"schema": 1, "studies": [], "broken": {}}
