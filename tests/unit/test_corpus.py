"""The corpus of masked words: quotas of languages, sentences of articles, what is read of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback_hub import MAIN, environment, served
from mirrors import entry  # sets HF_HUB_OFFLINE before `datasets` is imported

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.check import findings
from xstilts.data.corpus import quotas, sentences
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.study.grid import world_languages
from xstilts.tasks.record import Sampling
from xstilts.tasks.table import TASKS
from xstilts.world import hub_rows
from xstilts.world.encyclopedia import SIZES

WIKIPEDIA = TASKS["wikipedia"]
HUB = WIKIPEDIA.source.hub

sizes_of = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 7_000_000), min_size=1
)
totals = st.integers(0, 3_000_000)
exponents = st.floats(0, 1)


@given(sizes_of, totals, exponents)
def test_quotas_are_whole_and_sum_to_the_total(sizes, total, exponent):
    found = quotas(sizes, Sampling(total=total, exponent=exponent))
    assert list(found) == list(sizes)
    assert sum(found.values()) == total
    assert min(found.values()) >= 0


@given(sizes_of, totals, exponents)
def test_more_text_never_means_a_smaller_quota(sizes, total, exponent):
    found = quotas(sizes, Sampling(total=total, exponent=exponent))
    ordered = sorted(sizes, key=lambda lang: sizes[lang])
    values = [found[lang] for lang in ordered]
    assert all(
        few <= many or (sizes[one] == sizes[other] and few == many + 1)
        for one, other, few, many in zip(ordered, ordered[1:], values, values[1:], strict=False)
    )


@given(sizes_of, totals)
def test_the_exponent_goes_from_equal_to_proportional(sizes, total):
    equal = quotas(sizes, Sampling(total=total, exponent=0.0))
    assert max(equal.values()) - min(equal.values()) <= 1
    alike = quotas(sizes, Sampling(total=total, exponent=1.0))
    whole = sum(sizes.values())
    assert all(abs(alike[lang] - total * size / whole) < 1.001 for lang, size in sizes.items())


@given(sizes_of, totals, exponents, st.data())
def test_no_language_gets_more_than_there_is_and_the_others_share_the_rest(
    sizes, total, exponent, data
):
    limits = {
        lang: data.draw(st.integers(0, 1_000_000), label=lang)
        for lang in data.draw(st.sets(st.sampled_from(sorted(sizes))))
    }
    sampling = Sampling(total=total, exponent=exponent)
    found, free = quotas(sizes, sampling, limits), quotas(sizes, sampling)
    assert all(found[lang] <= limit for lang, limit in limits.items())
    if set(limits) != set(sizes):
        assert sum(found.values()) == total
        assert all(found[lang] >= free[lang] - 1 for lang in sizes.keys() - limits.keys())
    else:
        assert sum(found.values()) == min(total, sum(limits.values()))


def test_the_corpus_of_the_paper():
    """Two million sentences; English gets four times what Yoruba gets, and not 190 times."""
    assert WIKIPEDIA.sampling == Sampling(total=2_000_000, exponent=0.3)
    found = quotas({"en": 6_400_000, "de": 2_800_000, "sw": 78_000, "yo": 34_000},
                   Sampling(total=2_000_000, exponent=0.3))  # fmt: skip
    assert found["en"] / found["yo"] == pytest.approx((6_400_000 / 34_000) ** 0.3, rel=1e-4)
    assert found["de"] / found["sw"] == pytest.approx((2_800_000 / 78_000) ** 0.3, rel=1e-4)
    members = {lang for task in ("udpos", "panx", "xnli", "tydiqa") for lang in
               TASKS[task].languages}  # fmt: skip
    assert set(WIKIPEDIA.languages) == members
    assert len(WIKIPEDIA.languages) == 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Is two here? Three!", ["One is here.", "Is two here?"]),
        ("See also\n\nIt is a list\n", ["It is a list"]),
        ("东京是一座城市。它很大！北", ["东京是一座城市。", "它很大！"]),
        ("यह एक शहर है। वह बड़ा है।", ["यह एक शहर है।", "वह बड़ा है।"]),
        ("", []),
    ],
)
def test_articles_are_cut_into_sentences_without_headings(text, expected):
    assert sentences(text) == expected


def _articles(lang: str, count: int, first: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "id": [f"{10 * n}" for n in numbers],
            "url": [f"https://{lang}.wikipedia.org/wiki/{n}" for n in numbers],
            "title": [f"Number {n}" for n in numbers],
            "text": [f"{lang} {n} is one.\n\nHistory\n\nIt is {n} old. So it is." for n in numbers],
        }
    )


def _mirror(root: Path, counts: dict[str, list[int]], *, card: bool = True) -> Path:
    """Shards of so many articles per language, as the hub's repository has them."""
    configs, about = ["configs:"], ["dataset_info:"]
    for lang, shards in counts.items():
        config = f"20231101.{lang}"
        for number, count in enumerate(shards):
            path = root / HUB / config / f"train-{number:05d}-of-{len(shards):05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(_articles(lang, count, 1000 * number), path)
        configs += [f"- config_name: {config}", "  data_files:", "  - split: train",
                    f"    path: {config}/train-*"]  # fmt: skip
        about += [f"- config_name: {config}", "  splits:", "  - name: train",
                  f"    num_examples: {sum(shards)}"]  # fmt: skip
    lines = ["---", *configs, *(about if card else []), "---", ""]
    (root / HUB / "README.md").write_text("\n".join(lines), encoding="utf-8")
    return root


def _entry(root: Path, total: int, *langs: str, exponent: float = 1.0) -> dict[str, Any]:
    found = entry(root, "wikipedia", {"train": list(langs)})
    record = found["tasks"][0]["task"]
    record |= {"languages": langs, "sampling": {"total": total, "exponent": exponent}}
    return found


def _prepared(folder: Path, wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Texts and provenance of each language."""
    prepare(wanted, folder)
    about = read_json(folder / "provenance.json")["files"]
    [item] = wanted["tasks"]
    texts = {
        lang: canonical.rows(data_path(folder, "wikipedia", "train", lang))
        for lang in item["splits"]["train"]
    }
    return texts, {lang: about[f"wikipedia/train/{lang}.arrow"] for lang in texts}


def test_sentences_come_from_the_first_articles_by_the_quotas_of_their_languages(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [30], "sw": [10]})
    texts, about = _prepared(tmp_path / "data", _entry(root, 20, "de", "sw"))
    assert {lang: len(rows) for lang, rows in texts.items()} == {"de": 15, "sw": 5}
    assert texts["sw"] == [
        {"id": "0-0", "text": "sw 0 is one."},
        {"id": "0-1", "text": "It is 0 old."},
        {"id": "0-2", "text": "So it is."},
        {"id": "10-0", "text": "sw 1 is one."},
        {"id": "10-1", "text": "It is 1 old."},
    ]
    assert {lang: (own["articles"], own["quota"], own["rows"]) for lang, own in about.items()} == {
        "de": (30, 15, 15),
        "sw": (10, 5, 5),
    }
    assert (about["de"]["hub"], about["de"]["config"]) == (HUB, "20231101.de")
    flat, about = _prepared(tmp_path / "flat", _entry(root, 20, "de", "sw", exponent=0))
    assert {lang: len(rows) for lang, rows in flat.items()} == {"de": 10, "sw": 10}


def test_shards_are_read_no_further_than_needed(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [1500, 1500], "sw": [10]})
    second = root / HUB / "20231101.de" / "train-00001-of-00002.parquet"
    second.write_bytes(b"no parquet")
    texts, about = _prepared(tmp_path / "data", _entry(root, 3000, "de", "sw"))
    assert about["de"]["articles"] == 3000
    assert len(texts["de"]) == 2990
    with pytest.raises(UserError, match=r"00001-of-00002\.parquet .* is truncated"):
        prepare(_entry(root, 6000, "de", "sw"), tmp_path / "more")


def test_without_figures_on_the_card_rows_are_counted(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [20, 10], "sw": [10]}, card=False)
    texts, about = _prepared(tmp_path / "data", _entry(root, 20, "de", "sw"))
    assert [about[lang]["articles"] for lang in texts] == [30, 10]
    assert [len(rows) for rows in texts.values()] == [15, 5]


def test_what_one_language_lacks_the_others_give_and_the_provenance_says_so(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [30], "sw": [2], "th": [30]})
    texts, about = _prepared(tmp_path / "d", _entry(root, 60, "de", "sw", "th", exponent=0))
    assert {lang: len(rows) for lang, rows in texts.items()} == {"de": 27, "sw": 6, "th": 27}
    assert {own["quota"] for own in about.values()} == {20}
    said = "the source has 6 sentences, 14 less than its quota"
    assert [said in own["notes"] for own in about.values()] == [False, True, False]


def test_a_corpus_is_as_large_as_its_sources_at_most_and_never_padded(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [5], "sw": [2]})
    texts, about = _prepared(tmp_path / "data", _entry(root, 2_000_000, "de", "sw", exponent=0.3))
    assert {lang: len(rows) for lang, rows in texts.items()} == {"de": 15, "sw": 6}
    assert all(any("less than its quota" in n for n in own["notes"]) for own in about.values())
    assert all(len({row["text"] for row in rows}) > 1 for rows in texts.values())


def test_problems_of_all_languages_are_reported_together(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [5], "sw": [2], "th": [2]})
    table = _articles("sw", 2)
    places = {"sw": {"text": ["", ""]}, "th": {"text": ["short", "See also"]}}
    for lang, columns in places.items():
        path = root / HUB / f"20231101.{lang}" / "train-00000-of-00001.parquet"
        pq.write_table(pa.table(table.to_pydict() | columns), path)
    with pytest.raises(UserError) as error:
        prepare(_entry(root, 30, "de", "sw", "th"), tmp_path / "data")
    first, second = error.value.problems
    assert "config 20231101.sw, split train): no sentence is left for wikipedia" in first
    assert "dropped {'empty text': 2}" in first
    assert "config 20231101.th, split train): no sentence is left for wikipedia" in second
    assert not (tmp_path / "data").exists()


def test_a_text_that_is_none_is_named_with_its_article(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [2]})
    path = root / HUB / "20231101.de" / "train-00000-of-00001.parquet"
    pq.write_table(pa.table(_articles("de", 2).to_pydict() | {"text": ["It is so.", None]}), path)
    with pytest.raises(UserError, match=r"split train\), row 1, field text"):
        prepare(_entry(root, 30, "de"), tmp_path / "data")


def test_the_check_of_a_mirror_reads_a_corpus_and_misses_its_languages(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [2000], "sw": [10]})
    wanted = _entry(root, 2_000_000, "de", "sw", "th")["tasks"]
    wanted[0]["task"]["sampling"]["exponent"] = 0.3
    [found] = findings(wanted, limit=20)
    assert sum(found.rows.values()) == 60
    assert set(found.rows) == {"de", "sw"}
    [problem] = found.problems
    assert "has no wikipedia in th (config 20231101.th)" in problem


def _world(folder: Path, exponent: float, *langs: str) -> dict[str, int]:
    """Sentences of each language, of a corpus of 50 per language."""
    wanted = _entry(folder, 1, *langs, exponent=exponent)
    wanted["tasks"][0]["source"] = {"kind": "world", "sizes": {"train": 50}}
    return {lang: len(rows) for lang, rows in _prepared(folder, wanted)[0].items()}


def test_languages_of_the_world_are_unequal_so_that_the_exponent_matters(tmp_path):
    langs = ("de", "en", "tr")
    equal, paper, alike = (_world(tmp_path / str(a), a, *langs) for a in (0.0, 0.3, 1.0))
    assert [sum(found.values()) for found in (equal, paper, alike)] == [150] * 3
    assert equal == {"de": 50, "en": 50, "tr": 50}
    assert alike["tr"] < paper["tr"] < equal["tr"] < paper["en"] < alike["en"]


def test_the_world_has_the_hubs_columns_in_all_its_languages():
    assert set(SIZES) == set(world_languages())
    assert sum(SIZES.values()) == pytest.approx(len(SIZES))
    for lang in SIZES:
        rows, labels = hub_rows(HUB, f"20231101.{lang}", "train", 40, seed=0)
        assert len(rows) == max(1, round(40 * SIZES[lang]))
        assert set(rows[0]) == {"id", "url", "title", "text"}
        assert not labels
        assert all(len(sentences(row["text"])) > 2 for row in rows)
    again = hub_rows(HUB, f"20231101.{lang}", "train", 40, seed=0)[0]
    assert again == rows != hub_rows(HUB, f"20231101.{lang}", "train", 40, seed=1)[0]


def test_the_world_tells_no_meaning_of_a_test_split():
    told = {one.rstrip(".?") for row in hub_rows(HUB, "20231101.en", "train", 60, 0)[0]
            for one in sentences(row["text"])}  # fmt: skip
    rows = hub_rows("google/xtreme", "tatoeba.deu", "validation", 400, 0)[0]
    assert len(told) > 500
    assert not told & {row["target_sentence"].rstrip(".") for row in rows}


PREPARE = """
import json, sys
from pathlib import Path
from xstilts.data.prepare import prepare
prepare(json.loads(sys.argv[1]), Path(sys.argv[2]))
"""


def test_the_hub_itself_is_read_no_further_than_needed(tmp_path):
    root = _mirror(tmp_path / "hub", {"de": [1500, 1500], "sw": [10]})
    (root / HUB / "20231101.de" / "train-00001-of-00002.parquet").write_bytes(b"no parquet")
    wanted = _entry(root, 300, "de", "sw", exponent=0.3)
    wanted["tasks"][0]["source"] = {"kind": "hub"}
    with served(root) as hub:
        done = subprocess.run(
            [sys.executable, "-c", PREPARE, json.dumps(wanted), str(tmp_path / "data")],
            env=environment(hub.address, tmp_path / "home"), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    about = read_json(tmp_path / "data" / "provenance.json")["files"]
    found = about["wikipedia/train/de.arrow"]
    assert (found["articles"], found["revision"]) == (3000, MAIN)
    assert found["notes"][0] == "unpinned: the hub's main branch at the time of loading"
    assert about["wikipedia/train/sw.arrow"]["rows"] + found["rows"] == 300
