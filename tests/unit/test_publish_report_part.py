"""The page of a part of a study: what it lacks, and what it does not claim."""

import shutil

from html_page import Page
from synthetic_study import evaluations, write_study

from xstilts.publish.page.facts import missing
from xstilts.publish.run import publish


def test_a_part_of_a_study_says_what_it_lacks(tmp_path):
    params = write_study(
        tmp_path, _two_thirds, recipes={"none": [], "mnli": ["mnli"]}, targets=("xnli", "panx")
    )
    shutil.rmtree(evaluations(tmp_path) / "mini-mnli-panx-0")
    publish(params, evaluations(tmp_path), tmp_path / "part", tmp_path, allow_partial=True)
    page = Page((tmp_path / "part" / "index.html").read_text(encoding="utf-8"))
    said = page.all("p", **{"class": "partial"})[0]["text"]
    assert "It lacks panx (seed 0) of mnli with mini." in said
    rows = {row[0]: row[1:] for row in page.rows("scores")}
    assert rows["mnli"][0] == "– lacks panx (seed 0)"
    assert rows["mnli"][2] == "–"
    assert rows["none"][0] != "–"


def test_a_part_in_which_no_run_is_whole_has_a_page(tmp_path):
    params = write_study(
        tmp_path, _two_thirds, recipes={"none": [], "mnli": ["mnli"]}, targets=("xnli", "panx")
    )
    for recipe in ("none", "mnli"):
        shutil.rmtree(evaluations(tmp_path) / f"mini-{recipe}-xnli-0")
    publish(params, evaluations(tmp_path), tmp_path / "part", tmp_path, allow_partial=True)
    page = Page((tmp_path / "part" / "index.html").read_text(encoding="utf-8"))
    assert [row[1] for row in page.rows("scores")] == ["– lacks xnli (seed 0)"] * 2
    ids = {e["attrs"]["id"] for e in page.all("section")}
    assert {"scores", "languages", "provenance"} <= ids
    assert not {"changes", "follows", "families", "examples"} & ids


def test_of_many_missing_cells_the_first_ones_are_named():
    cells = [
        {"model": "m", "recipe": f"r{number // 2}", "target": task, "seed": 0}
        for number, task in enumerate(("xnli", "panx") * 9)
    ]
    said = missing({"missing": cells})
    assert said.startswith("xnli (seed 0) and panx (seed 0) of r0 with m; ")
    assert said.endswith("of r5 with m; and cells of 3 other runs")
    assert missing({"missing": []}) == ""


def _two_thirds(*_cell):
    return 2 / 3
