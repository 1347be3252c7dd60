"""Mentions: their marks, and Mewsli-X as the hub and as its publisher lay it out."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xstilts.data.canonical import candidates_path, data_path, rows
from xstilts.data.check import findings
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.tasks.mentions import Mention, mark, marked, unmark
from xstilts.tasks.table import TASKS

HUB = "izhx/mewsli-x"
words = st.text(st.sampled_from("ab.:,{}() \u3000\nß東"), max_size=12)


def _spaced(text: str) -> str:
    return " ".join(text.split())


@settings(max_examples=60)
@given(words, words, words)
def test_marks_can_be_taken_off_again(left: str, mention: str, right: str):
    assume(mention.strip() and "{" not in mention and "}" not in mention)
    text = mark(Mention(left, mention, right))
    found = unmark(text)
    assert found is not None
    assert found.mention == _spaced(mention)
    assert marked(found._asdict()) == text
    if not set(left + right) & set("{}"):
        assert found == (_spaced(left), _spaced(mention), _spaced(right))


def test_marks_are_those_of_xtreme_r():
    smith = Mention("The verdict {so far} came back for ", "Smith", ", who\nstepped down.")
    text = "Smith: The verdict (so far) came back for { Smith } , who stepped down."
    assert mark(smith) == text
    assert unmark(text) == ("The verdict (so far) came back for", "Smith", ", who stepped down.")


@pytest.mark.parametrize("text", ["", "Smith came.", "Smith: { Jones } came.", "{ Smith } came."])
def test_a_sentence_that_marks_no_mention_of_its_own(text: str):
    assert unmark(text) is None


ENTITIES = {
    "entity_id": ["Q1", "Q2", "Q3"],
    "title": ["Lima", "Лима", "利马"],
    "description": ["Lima is a bean.", "Лима - столица Перу.", "利马"],
}
GERMAN = {
    "example_id": ["a", "b"],
    "mention": ["Lima: Sie wohnt in { Lima } .", "Bohne: Die { Bohne } wächst."],
    "entity_id": ["Q2", "Q1"],
}
PAIRS = {
    "example_id": ["p"],
    "mention": ["Bob: { Bob } sings."],
    "entity_id": ["Q9"],
    "entity": ["Bob is a singer."],
}


def mirror(root: Path, **changes: dict[str, Any]) -> Path:
    """A mirror in the hub's schema: German mentions, candidates and training pairs."""
    parts = {
        ("de", "test"): GERMAN | changes.get("german", {}),
        ("candidate_entities", "test"): ENTITIES | changes.get("entities", {}),
        ("wikipedia_pairs", "train"): PAIRS | changes.get("pairs", {}),
    }
    card = ["---", "configs:"]
    for (config, split), columns in parts.items():
        path = root / HUB / config / f"{split}.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns), path)
        card += [f"- config_name: {config}", "  data_files:"]
        card += [f"  - split: {split}", f"    path: {config}/{split}.parquet"]
    (root / HUB / "README.md").write_text("\n".join([*card, "---", ""]))
    return root


def item(root: Path, task: str, **splits: list[str]) -> dict[str, Any]:
    source = {"kind": "mirror", "path": str(root)}
    return {"task": TASKS[task].to_dict(), "source": source, "splits": splits}


def prepared(root: Path, task: str, **splits: list[str]) -> Path:
    prepare({"tasks": [item(root, task, **splits)]}, root / "out")
    return root / "out"


def problems(root: Path, task: str, **splits: list[str]) -> list[str]:
    with pytest.raises(UserError) as caught:
        prepared(root, task, **splits)
    return caught.value.problems


def test_the_layout_of_the_hub_is_read(tmp_path: Path):
    out = prepared(mirror(tmp_path), "mewslix", test=["de"])
    assert rows(data_path(out, "mewslix", "test", "de"))[0] == {
        "id": "a", "left": "Sie wohnt in", "mention": "Lima", "right": ".",
        "entity": "Q2", "description": "",
    }  # fmt: skip
    assert [row["id"] for row in rows(candidates_path(out, "mewslix"))] == ["Q1", "Q2", "Q3"]
    files = read_json(out / "provenance.json")["files"]
    assert set(files) == {"mewslix/test/de.arrow", "mewslix/candidates/mul.arrow"}
    assert files["mewslix/candidates/mul.arrow"]["config"] == "candidate_entities"
    assert files["mewslix/candidates/mul.arrow"]["rows"] == 3
    out = prepared(tmp_path, "wikipedia_pairs", train=["en"])
    [row] = rows(data_path(out, "wikipedia_pairs", "train", "en"))
    assert (row["entity"], row["description"]) == ("Q9", "Bob is a singer.")
    assert not candidates_path(out, "wikipedia_pairs").exists()


def test_everything_wrong_is_named(tmp_path: Path):
    german = {
        "example_id": ["a", "b", "a"],
        "mention": ["Rom: Sie wohnt in { Lima } .", *reversed(GERMAN["mention"])],
        "entity_id": ["Q2", "", "Q2"],
    }
    found = problems(mirror(tmp_path, german=german), "mewslix", test=["de"])
    where = f"de/test.parquet ({HUB}, config de, split test), row"
    assert len(found) == 3
    assert f"{where} 0, field mention: 'Rom: Sie" in found[0]
    assert "marks no mention that stands in its sentence" in found[0]
    assert f"{where} 1, field entity (column entity_id): the text '' is empty" in found[1]
    assert f"{where} 2, field id: 'a' is already the id of row 0" in found[2]


def test_an_entity_that_is_no_candidate_is_named(tmp_path: Path):
    root = mirror(tmp_path, german={"entity_id": ["Q7", "Q1"]})
    [found] = problems(root, "mewslix", test=["de"])
    assert f"({HUB}, config de, split test), row 0, field entity (column entity_id)" in found
    assert "'Q7' is none of the 3 candidates in" in found
    assert f"({HUB}, config candidate_entities, split test)" in found
    [finding] = findings([item(root, "mewslix", test=["de"])])
    assert finding.problems == [found]
    [quick] = findings([item(root, "mewslix", test=["de"])], limit=1)
    assert quick.problems == []


def test_wrong_candidates_are_named_once(tmp_path: Path):
    entities = {"entity_id": ["Q1", "Q2", "Q2"], "description": ["a", " ", "b"]}
    found = problems(mirror(tmp_path, entities=entities), "mewslix", test=["de"])
    assert len(found) == 2
    assert "row 1, field description: the text ' ' is empty" in found[0]
    assert "row 2, field id: 'Q2' is already the id of row 1" in found[1]


def test_training_pairs_need_descriptions(tmp_path: Path):
    [found] = problems(mirror(tmp_path, pairs={"entity": [""]}), "wikipedia_pairs", train=["en"])
    assert "field description (column entity): the text '' is empty" in found


# --- the publisher's lines ------------------------------------------------------------------

TEXT = "Es regnet. Sie wohnt in Lima."


def _spans(*spans: tuple[int, int]) -> list[dict[str, int]]:
    return [{"start": start, "end": end} for start, end in spans]


def _mention(start: int = 24, end: int = 28, text: str = "Lima") -> dict[str, Any]:
    span = {"text": text, "start": start, "end": end}
    return {"example_id": "a", "entity_id": "Q2", "mention_span": span}


def _context(lang: str = "de", text: str = TEXT) -> dict[str, Any]:
    return {"language": lang, "text": text, "sentence_spans": _spans((0, 10), (11, 29))}


ENTITY = {
    "entity_id": "Q2",
    "title": "Lima",
    "description": "Lima,\n Stadt. Noch etwas.",
    "sentence_spans": _spans((0, 13)),
}


def published(root: Path, mention: dict[str, Any], context: dict[str, Any]) -> Path:
    folder = root / "github/google-research/google-research/mewsli-x"
    folder.mkdir(parents=True)
    lines = {
        "wikinews_mentions-test": [
            {"context": _context("ja"), "mentions": [_mention()]},
            {"context": context, "mentions": [mention]},
        ],
        "wikipedia_pairs-dev": [
            {
                "contextual_mention": {"context": _context("en"), "mention": mention},
                "entity": ENTITY,
            }
        ],
        "candidate_set_entities": [ENTITY],
    }
    for name, own in lines.items():
        text = "".join(json.dumps(line) + "\n" for line in own)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return root


def test_the_publishers_lines_are_read(tmp_path: Path):
    out = prepared(published(tmp_path, _mention(), _context()), "mewslix", test=["de", "ja"])
    for lang in ("de", "ja"):
        [row] = rows(data_path(out, "mewslix", "test", lang))
        assert (row["left"], row["mention"], row["right"]) == ("Sie wohnt in", "Lima", ".")
    [entity] = rows(candidates_path(out, "mewslix"))
    assert entity == {"id": "Q2", "description": "Lima, Stadt."}
    out = prepared(tmp_path, "wikipedia_pairs", dev=["en"])
    [row] = rows(data_path(out, "wikipedia_pairs", "dev", "en"))
    assert row["description"] == "Lima, Stadt."


@pytest.mark.parametrize(
    ("mention", "context", "said"),
    [
        (_mention(25, 29), _context(), "'Lima' does not stand at 25..29 of its context of 29"),
        (_mention(24, 40), _context(), "'Lima' does not stand at 24..40"),
        (_mention(8, 14, "t. Sie"), _context(), "no sentence holds 8..14"),
        (_mention(), _context(text=""), "context.text is empty; run the publisher's"),
        ({"example_id": "a"}, _context(), "no 'mention_span' in the line"),
    ],
)
def test_a_mention_outside_its_context_is_named(tmp_path, mention, context, said):
    [found] = problems(published(tmp_path, mention, context), "mewslix", test=["de"])
    assert "wikinews_mentions-test.jsonl, row 1: " in found
    assert said in found
