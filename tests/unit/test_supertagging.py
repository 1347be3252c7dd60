"""CCG supertagging: a user's own files in jiant's layout, and the world's twin."""

import json
from pathlib import Path
from typing import Any

import mirrors
import pytest

from xstilts.data.canonical import data_path, rows
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.evaluation.score import score
from xstilts.files import read_json
from xstilts.tasks.table import TASKS
from xstilts.world import hub_rows
from xstilts.world.grammar import Clause, Noun, sentence
from xstilts.world.lexicon import of_kind
from xstilts.world.supertags import CATEGORIES, categories

TASK = TASKS["ccg"]
# made up for this test: nothing of CCGbank is here
LINES = ["Ana sings .\tN S[dcl]\\NP .", "the dog sleeps .\tNP[nb]/N N S[dcl]\\NP ."]
NUMBERS = {"N": 7, ".": 0, "S[dcl]\\NP": 1362, "NP[nb]/N": 3}


def _put(root: Path, lines: list[str] = LINES, numbers: Any = NUMBERS) -> Path:
    (root / "ccg").mkdir(parents=True)
    (root / "ccg" / "ccg.dev").write_bytes(
        b"".join(line.encode(errors="surrogateescape") + b"\n" for line in lines)
    )
    text = numbers if isinstance(numbers, str) else json.dumps(numbers)
    (root / "ccg" / "tags_to_id.json").write_text(text, encoding="utf-8")
    return root


def _problems(root: Path, out: Path) -> list[str]:
    with pytest.raises(UserError) as error:
        prepare(mirrors.entry(root, "ccg", {"dev": ["en"]}), out)
    assert not out.exists()
    return error.value.problems


def test_a_users_own_files_are_read(tmp_path):
    root = _put(tmp_path / "mine")
    prepare(mirrors.entry(root, "ccg", {"dev": ["en"]}), tmp_path / "out")
    assert rows(data_path(tmp_path / "out", "ccg", "dev", "en")) == [
        {"id": "0", "tokens": ["Ana", "sings", "."], "tags": [7, 1362, 0]},
        {"id": "1", "tokens": ["the", "dog", "sleeps", "."], "tags": [3, 7, 1362, 0]},
    ]
    [about] = read_json(tmp_path / "out" / "provenance.json")["files"].values()
    assert "from a user's own copy" in about["notes"]


def test_missing_files_are_all_named_with_the_reason(tmp_path):
    (tmp_path / "mine").mkdir()
    found = _problems(tmp_path / "mine", tmp_path / "out")
    assert ["ccg/ccg.dev" in found[0], "ccg/tags_to_id.json" in found[1]] == [True, True]
    assert all("LDC/LDC2005T13 is licensed and not on the hub" in one for one in found)


def test_the_hub_does_not_have_it(tmp_path):
    entry = mirrors.entry(tmp_path, "ccg", {"dev": ["en"]})
    entry["tasks"][0]["source"] = {"kind": "hub"}
    with pytest.raises(UserError, match=r"licensed and not on the hub: put ccg/ccg.\{split\}"):
        prepare(entry, tmp_path / "out")


@pytest.mark.parametrize(
    ("lines", "numbers", "said"),
    [
        (["Ana sings\tN"], NUMBERS, "row 0, field tags: 2 tokens but 1 tags"),
        ([*LINES, "Ana\tX|Y"], NUMBERS, "row 2, field tags[0]: label 'X|Y' is none of 0..1362"),
        ([*LINES, "Ana N"], NUMBERS, "row 2: no tab in 'Ana N'"),
        (["\t"], NUMBERS, "row 0"),
        (["An\udcff\tN"], NUMBERS, "row 0, field tokens[0]: broken UTF-8"),
        (LINES, NUMBERS | {"N": 1363}, "row 0, field tags[0]: label 1363 is none of"),
        (LINES, '{"N": 0', "tags_to_id.json is not a JSON object"),
        (LINES, ["N"], "tags_to_id.json is not a JSON object"),
        (LINES, {"N": "first"}, "tags_to_id.json is not a JSON object"),
    ],
)
def test_damage_is_named_with_its_place(lines, numbers, said, tmp_path):
    found = _problems(_put(tmp_path / "mine", lines, numbers), tmp_path / "out")
    assert any(said in problem for problem in found), found


def test_accuracy_counts_words():
    gold = [{"id": "0", "tags": [7, 1, 0]}, {"id": "1", "tags": [3]}]
    found = score(TASK, "en", [["7", "1", "3"], ["0"]], gold)
    assert found.value == 50.0
    assert found.items[0] == {"id": "0", "correct": 2 / 3, "right": 2, "words": 3}
    with pytest.raises(ValueError, match="sentence 1: 2 predicted tags for 1 words"):
        score(TASK, "en", [["7", "1", "3"], ["0", "0"]], gold)


def _name(kind: str) -> str:
    return of_kind(kind)[0]


def test_the_worlds_categories_say_what_a_verb_takes():
    person, city, act = Noun(_name("person")), Noun(_name("city")), _name("act")
    clause = Clause(person, act, Noun("dog", _name("colour")), city, time=_name("time"))
    tokens = sentence("en", clause)
    found = {t.pos: c for t, c in zip(tokens, categories(clause), strict=True) if t.role != "p"}
    assert found["VERB"] == "(S[dcl]\\NP)/NP"
    assert found["ADP"] == "((S\\NP)\\(S\\NP))/NP"
    assert (found["DET"], found["ADJ"], found["NOUN"]) == ("NP[nb]/N", "N/N", "N")
    assert (found["ADV"], found["PUNCT"]) == ("(S\\NP)\\(S\\NP)", ".")
    goes = Clause(person, "go", place=city, origin=Noun(_name("city")))
    assert "((S[dcl]\\NP)/PP)/PP" in categories(goes)
    assert categories(goes).count("PP/NP") == 2


def test_the_world_has_the_columns_of_the_files():
    made, _ = hub_rows("LDC/LDC2005T13", "default", "train", 60, seed=0)
    assert all(list(row) == ["tokens", "tags"] for row in made)
    assert all(len(row["tokens"]) == len(row["tags"]) for row in made)
    used = {tag for row in made for tag in row["tags"]}
    assert used <= set(range(len(CATEGORIES)))
    assert len(used) > 12
    by_word: dict[str, set[int]] = {}
    for row in made:
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            by_word.setdefault(token, set()).add(tag)
    assert any(len(tags) > 1 for tags in by_word.values())  # the context decides
