"""Dependency trees on their way in: real slices, wrong rows, and the world's twin."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mirrors
import pyarrow.parquet as pq
import pytest

from xstilts.data.canonical import data_path, rows
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.tasks.table import TASKS
from xstilts.tasks.trees import find_cycle
from xstilts.world import hub_rows
from xstilts.world.grammar import LANGUAGES, sentence
from xstilts.world.meanings import Teller
from xstilts.world.trees import tree

TASK = TASKS["udparse"]
HUB = TASK.source.hub
# what the mirror holds of each treebank: (language, its config there, splits)
SLICES = [
    ("ar", "ar_pud", ["test"]),
    ("de", "de_gsd", ["validation", "test"]),
    ("en", "en_ewt", ["validation", "test"]),
    ("en", "en_lines", ["train"]),
    ("en", "en_partut", ["train"]),
    ("hi", "hi_pud", ["test"]),
    ("ru", "ru_gsd", ["validation", "test"]),
    ("ta", "ta_ttb", ["train", "test"]),
    ("tl", "tl_trg", ["test"]),
    ("zh", "zh_gsd", ["validation", "test"]),
]


def _prepared(root: Path, out: Path, lang: str, config: str, split: str) -> list[dict[str, Any]]:
    """Canonical rows of one split, of the treebank that a study names."""
    codes = TASK.source.language_codes | {lang: config}
    record = mirrors.entry(
        root, "udparse", {"test": [lang]}, language_codes=codes, splits={"test": split}
    )
    prepare(record, out)
    return rows(data_path(out, "udparse", "test", lang))


@pytest.mark.parametrize(("lang", "config", "splits"), SLICES)
def test_every_sentence_of_the_real_slices_is_a_tree_over_words(
    lang, config, splits, shared, tmp_path
):
    for split in splits:
        raw = pq.read_table(shared / "hub" / HUB / config / f"{split}.parquet").to_pylist()
        found = _prepared(shared / "hub", tmp_path / split, lang, config, split)
        assert len(found) == len(raw)
        for row, given in zip(found, raw, strict=True):
            words = [i for i, head in enumerate(given["head"]) if head != "None"]
            assert row["tokens"] == [given["tokens"][i] for i in words]
            assert row["heads"] == [int(given["head"][i]) for i in words]
            named = [TASK.labels[relation] for relation in row["relations"]]
            assert named == [given["deprel"][i].split(":")[0] for i in words]


def test_multi_word_tokens_give_way_to_their_words_and_are_counted(shared, tmp_path):
    [row] = [
        row
        for row in _prepared(shared / "hub", tmp_path / "out", "de", "de_gsd", "test")
        if row["id"] == "test-s2"
    ]
    assert "im" not in row["tokens"]
    place = row["tokens"].index("in")
    assert row["tokens"][place : place + 4] == ["in", "dem", "selben", "Jahr"]
    assert row["heads"][place : place + 3] == [place + 4] * 3  # `Jahr`
    [file] = read_json(tmp_path / "out" / "provenance.json")["files"].values()
    assert file["changed"]["words_only"] > 0
    assert file["changed"]["universal_relations"] > 0


GOOD: dict[str, Any] = {
    "idx": ["s1", "s2"],
    "tokens": [["Ana", "sings", "."], ["She", "wanna", "wan", "na", "go", "went"]],
    "head": [["2", "0", "2"], ["2", "None", "0", "4", "2", "None"]],
    "deprel": [["nsubj", "root", "punct"], ["nsubj", "_", "root", "mark", "xcomp", "_"]],
}


def _changed(column: str, values: list[Any]) -> dict[str, Any]:
    return GOOD | {column: [values, GOOD[column][1]]}


def _problems(columns: dict[str, Any], tmp_path: Path, **overrides: Any) -> list[str]:
    mirrors.put(tmp_path / "hub", "udparse", columns, "validation")
    entry = mirrors.entry(tmp_path / "hub", "udparse", {"dev": ["en"]}, **overrides)
    with pytest.raises(UserError) as error:
        prepare(entry, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return error.value.problems


def test_multi_word_tokens_and_empty_nodes_are_no_words(tmp_path):
    mirrors.put(tmp_path / "hub", "udparse", GOOD, "validation")
    prepare(mirrors.entry(tmp_path / "hub", "udparse", {"dev": ["en"]}), tmp_path / "out")
    found = rows(data_path(tmp_path / "out", "udparse", "dev", "en"))
    assert [row["tokens"] for row in found] == [["Ana", "sings", "."], ["She", "wan", "na", "go"]]
    assert [row["heads"] for row in found] == [[2, 0, 2], [2, 0, 4, 2]]


@pytest.mark.parametrize(
    ("column", "values", "field", "said"),
    [
        ("head", ["2", "3", "2"], "heads", "the sentence has 0 roots"),
        ("head", ["2", "3", "2"], "heads", "the words 2, 3 form a cycle"),
        ("head", ["3", "0", "1"], "heads", "the words 1, 3 form a cycle"),
        ("head", ["1", "0", "2"], "heads", "word 1 is its own head"),
        ("head", ["0", "0", "2"], "heads", "has 2 roots (words 1, 2)"),
        ("head", ["4", "0", "2"], "heads[0]", "head 4 is none of 0..3"),
        ("head", ["2", "0", "-1"], "heads[2]", "head '-1' is none of 0..3"),
        ("head", ["2", "0", "x"], "heads[2]", "head 'x' is none of 0..3"),
        ("head", ["2", "0", "None"], "heads[2]", "head 'None' is none of 0..3"),
        ("head", ["2", "0"], "heads", "3 words but 2 heads"),
        ("head", None, "heads", "None is a NoneType, not a list"),
        ("deprel", ["nsubj", "root"], "relations (column deprel)", "3 words but 2 relations"),
        (
            "deprel",
            ["subj", "root", "punct"],
            "relations[0] (column deprel)",
            "label 'subj' is none",
        ),
        ("deprel", ["nsubj", "dep", "punct"], "relations[1] (column deprel)", "head is 0, but the"),
        ("deprel", ["root", "root", "punct"], "relations[0] (column deprel)", "is 2, but the"),
        ("tokens", ["Ana", "", "."], "tokens[1]", "the text '' is empty"),
        ("tokens", ["Ana", "sings"], "heads", "2 words but 3 heads"),
    ],
)
def test_what_is_no_tree_is_refused_with_its_place(column, values, field, said, tmp_path):
    found = _problems(_changed(column, values), tmp_path)
    [problem] = [one for one in found if said in one]
    assert f"{HUB}, config en_ewt, split validation" in problem
    assert f"row 0, field {field}: " in problem


def test_relations_of_a_language_are_refused_unless_they_are_declared_to_be_cut(tmp_path):
    columns = _changed("deprel", ["nsubj:pass", "root", "punct"])
    [problem] = _problems(columns, tmp_path, clean=["words_only"])
    assert "row 0, field relations[0]" in problem
    assert "'nsubj:pass'" in problem


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_world_knows_who_governs_whom(language):
    teller = Teller(seed=7)
    draws: list[Callable[[], Any]] = [teller.any_clause] * 60 + [teller.cause] * 20
    for meaning in [*(draw() for draw in draws), *map(teller.fact, ("dog", "bread"))]:
        tokens, arcs = sentence(language, meaning), tree(language, meaning)
        heads = [head for head, _ in arcs]
        assert len(arcs) == len(tokens)
        assert heads.count(0) == 1
        assert not find_cycle([0, *heads])
        assert [relation == "root" for _, relation in arcs] == [head == 0 for head in heads]
        assert {relation for _, relation in arcs} <= set(TASK.labels)
        for token, (head, relation) in zip(tokens, arcs, strict=True):
            governor = tokens[head - 1]
            if token.pos in ("DET", "ADJ", "NUM") and relation in ("det", "amod", "nummod"):
                assert governor.pos in ("NOUN", "PROPN")
            if relation in ("nsubj", "obj", "obl", "advmod", "cop"):
                assert governor.role in ("v", "c")


def test_languages_share_the_relations_of_a_meaning_whatever_their_order():
    teller = Teller(seed=3)
    for _ in range(30):
        meaning = teller.any_clause()
        found = {}
        for language in LANGUAGES:
            tokens, arcs = sentence(language, meaning), tree(language, meaning)
            named = zip(tokens, arcs, strict=True)
            found[language] = {
                (t.concept, r, tokens[h - 1].concept if h else "")
                for t, (h, r) in named
                if t.concept and r in ("nsubj", "obj", "amod", "advmod", "root")
            }
        assert len({frozenset(arcs) for arcs in found.values()}) == 1


def test_the_world_has_the_schema_of_the_hub(shared):
    real = pq.read_table(shared / "hub" / HUB / "de_gsd" / "test.parquet")
    made, labels = hub_rows(HUB, "de_gsd", "test", 20, seed=0)
    assert list(made[0]) == real.column_names
    for row in made:
        assert {len(row[name]) for name in row if name not in ("idx", "text")} == {len(row["head"])}
        assert all(0 <= tag < len(labels["upos"]) for tag in row["upos"])
        assert "None" not in row["head"]
    card = (shared / "hub" / HUB / "README.md").read_text(encoding="utf-8")
    lines = "\n".join(f"          '{i}': {name}" for i, name in enumerate(labels["upos"]))
    assert lines in card


def test_words_of_the_worlds_test_trees_are_held_out():
    train, test = (
        {
            token
            for row in hub_rows(HUB, "en_ewt", split, 150, seed=0)[0]
            for token, tag in zip(row["tokens"], row["upos"], strict=True)
            if tag in (0, 6, 10, 16)  # nouns, adjectives, names, verbs
        }
        for split in ("train", "test")
    )
    shared_words = train & test - {"lives", "works", "goes"}
    assert len(shared_words) <= 4, shared_words
