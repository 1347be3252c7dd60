"""examples.json and items/ of the results: of the best run, and the baseline beside it."""

from collections import Counter

import pytest
from synthetic_study import evaluations, languages_of, write_study

from xstilts.evaluation.item_table import read_item_tables
from xstilts.files import read_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.examples import SHOWN, study_examples
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.run import write_items

TARGETS = ("xnli", "udpos", "xquad", "bucc2018", "tatoeba")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The best run is mini, mnli; the baseline is wrong more often."""
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        lambda _model, recipe, *_: {"none": 0.3, "mnli": 0.7, "squad": 0.2}[recipe],
        recipes={"none": [], "mnli": ["mnli"], "squad": ["squad"]},
        targets=TARGETS,
        seeds=(4, 7),
        items=20,
    )
    cells = read_cells(params, evaluations(root))
    return scoreboard(params, cells, evaluations(root), root), cells


@pytest.fixture(scope="module")
def found(study):
    return study_examples(*study)


def _by(found, *names):
    groups = {}
    for example in found:
        groups.setdefault(tuple(example[name] for name in names), []).append(example)
    return groups


def test_examples_are_of_the_best_run_and_its_baseline(found):
    runs = set(_by(found, "model", "recipe", "seed"))
    assert runs == {("mini", "mnli", 4), ("mini", "none", 4)}


def test_every_target_and_language_has_a_few(found):
    counts = Counter((e["recipe"], e["target"], e["language"]) for e in found)
    assert max(counts.values()) == SHOWN
    wanted = {(target, language) for target in TARGETS for language in languages_of(target)}
    assert {key[1:] for key in counts if key[0] == "none"} == wanted


def test_both_show_the_same_items_where_both_are_wrong(study, found):
    _, cells = study
    wrong = {}
    for cell in cells:
        if (cell.target, cell.seed, cell.model) == ("xnli", 4, "mini"):
            for example in read_json(cell.examples)["examples"]:
                wrong.setdefault((cell.recipe, example["language"]), set()).add(example["id"])
    shown = _by([e for e in found if e["target"] == "xnli"], "recipe", "language")
    for language in languages_of("xnli"):
        both = wrong["mnli", language] & wrong["none", language]
        first, second = (
            {e["id"] for e in shown[recipe, language]} & both for recipe in ("mnli", "none")
        )
        assert first == second
        assert len(first) == min(SHOWN, len(both))


def test_an_example_is_whole_and_readable(found):
    example = next(e for e in found if (e["target"], e["language"]) == ("xnli", "ar"))
    assert example["english"] is not None
    assert example.keys() == {
        "model", "recipe", "seed", "target", "language", "id", "correct", "inputs", "english",
        "gold", "prediction", "answer_language",
    }  # fmt: skip
    assert all(text.keys() == {"name", "text", "language"} for text in example["inputs"])
    assert example["gold"] != example["prediction"]
    assert example["correct"] < 1


def test_a_study_with_the_baseline_in_front_shows_it_alone(study):
    board, cells = study
    first = board | {"best": {"model": "mini", "recipe": "none", "seed": 7}}
    assert set(_by(study_examples(first, cells), "recipe", "seed")) == {("none", 7)}


def test_without_a_best_run_there_is_none(study):
    board, cells = study
    assert study_examples(board | {"best": None}, cells) == []


def test_items_of_the_best_are_kept_for_all_seeds(study, tmp_path):
    board, cells = study
    write_items(board, cells, tmp_path / "items")
    names = {path.name for path in (tmp_path / "items").iterdir()}
    assert names == {f"{target}-{seed}.parquet" for target in TARGETS for seed in (4, 7)}
    tables = read_item_tables(tmp_path / "items" / "xquad-7.parquet", "squad")
    assert set(tables) == set(languages_of("xquad"))
    own = next(c for c in cells if c.key == "mini-mnli-xquad-7")
    assert (tmp_path / "items" / "xquad-7.parquet").read_bytes() == own.items.read_bytes()
