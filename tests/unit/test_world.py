"""The miniature world: words, grammar, splits and what follows from meaning."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.world import hub_rows, pairs, reading
from xstilts.world.basic_sets import BIO, ISO3, NAMES, UPOS
from xstilts.world.corpus import corpus, story
from xstilts.world.grammar import (
    LANGUAGES,
    Clause,
    Link,
    Noun,
    question,
    sentence,
    surface,
    text_of,
)
from xstilts.world.lexicon import ANTONYMS, REACTIONS, category, concepts, of_kind
from xstilts.world.meanings import Teller, held_out, split_of

seeds = st.integers(min_value=0, max_value=10**6)
languages = st.sampled_from(sorted(LANGUAGES))


def any_meaning(seed: int) -> Clause | Link:
    teller = Teller(seed)
    return teller.cause() if teller.chance(0.3) else teller.any_clause()


def test_lexicon_has_a_word_for_every_content_concept_in_every_language():
    for name, concept in concepts().items():
        if concept.kind not in ("function", "marker"):
            missing = [code for code in LANGUAGES if not concept.form(code)]
            assert not missing, f"{name} has no word in {missing}"


def test_no_word_stands_for_two_concepts_of_a_language():
    for code in LANGUAGES:
        words = Counter(
            form.text for concept in concepts().values() for form in concept.forms[code]
        )
        doubled = {word for word, count in words.items() if count > 1}
        assert not doubled, f"{code}: {doubled}"


def test_languages_are_from_five_families_and_four_scripts():
    from xstilts.tasks.languages import LANGUAGES as TABLE

    assert len(LANGUAGES) >= 8
    assert len({TABLE[code].family for code in LANGUAGES}) >= 5
    assert len({TABLE[code].script for code in LANGUAGES}) >= 4


def test_typology_shows_in_the_sentence():
    clause = Clause(Noun("Anna"), "buy", Noun("dog", "red"), Noun("Paris"))
    assert text_of("en", clause) == "Anna buys the red dog in Paris."
    assert text_of("es", clause) == "Anna compra el perro rojo en París."
    assert text_of("tr", clause) == "Anna Paris içinde kırmızı köpek alıyor."
    assert text_of("ar", clause).startswith("يشتري")
    assert text_of("zh", clause) == "安娜在巴黎购买红色狗。"
    assert text_of("ja", clause) == "アンナはパリで赤い犬を買う。"


@given(seeds, languages)
def test_tokens_stand_at_their_offsets(seed, language):
    tokens = sentence(language, any_meaning(seed))
    text, offsets = surface(language, tokens)
    for token, offset in zip(tokens, offsets, strict=True):
        assert text[offset : offset + len(token.text)] == token.text
    if not LANGUAGES[language].spaced:
        assert " " not in text


@given(seeds, languages)
def test_tags_are_valid_and_entities_well_formed(seed, language):
    tokens = sentence(language, any_meaning(seed))
    before = "O"
    for token in tokens:
        assert token.pos in UPOS
        assert token.entity in BIO
        if token.entity.startswith("I-"):
            assert before[2:] == token.entity[2:]
        before = token.entity


@given(seeds)
def test_translations_hold_the_same_content_words(seed):
    meaning = any_meaning(seed)
    function = {"function", "marker"}
    content = {
        language: Counter(
            token.concept
            for token in sentence(language, meaning)
            if token.concept and concepts()[token.concept].kind not in function
        )
        for language in LANGUAGES
    }
    assert all(words == content["en"] for words in content.values())


@given(seeds, languages, st.sampled_from("sopt"))
def test_a_question_keeps_all_but_the_phrase_asked_for(seed, language, role):
    item = reading.reading(Teller(seed), "sopt", 3)
    clause = item.statements[item.asked]
    clause = replace(clause, time=clause.time or "today")
    asked = question(language, clause, role)
    assert role not in {
        token.role for token in asked if token.concept not in ("who", "what", "where", "when")
    }
    kept = {token.concept for token in asked}
    for other in {"s", "o", "p", "t"} - {role}:
        told = [t for t in sentence(language, clause) if t.role == other]
        assert all(token.concept in kept for token in told)


@given(seeds, languages)
def test_answers_stand_in_the_context_and_nowhere_else(seed, language):
    row = reading.rendered(reading.reading(Teller(seed), "sopt", 3), language)
    answer, start = row["answers"]["text"][0], row["answers"]["answer_start"][0]
    assert row["context"][start : start + len(answer)] == answer
    if LANGUAGES[language].spaced:
        words = re.findall(r"[^\s.।?]+", row["context"])
        assert words.count(answer) == 1


@given(seeds)
def test_the_question_shares_as_many_words_with_every_statement(seed):
    item = reading.reading(Teller(seed), "sopt", 3)
    row = reading.rendered(item, "en")
    asked = set(row["question"].rstrip("?").split())
    overlaps = {len(asked & set(text.rstrip(".").split())) for text in row["context"].split(". ")}
    assert len(overlaps) == 1


@given(seeds)
def test_inference_labels_follow_from_the_one_word_that_differs(seed):
    pair = pairs.inference(Teller(seed))
    slots = ("subject", "object", "place", "verb", "time")
    changed = [s for s in slots if getattr(pair.first, s) != getattr(pair.second, s)]
    assert len(changed) == 1
    one, two = (getattr(clause, changed[0]) for clause in (pair.first, pair.second))
    if changed[0] == "verb":
        assert (pair.label, ANTONYMS[one]) == (pairs.CONTRADICTION, two)
        return
    is_category = [concepts()[noun.head].kind == "category" for noun in (one, two)]
    if is_category == [False, True] and category(one.head) == two.head:
        assert pair.label == pairs.ENTAILMENT
    elif is_category == [True, False] and category(two.head) == one.head:
        assert pair.label == pairs.NEUTRAL
    else:
        assert pair.label == pairs.CONTRADICTION


@given(seeds, languages)
def test_paraphrase_pairs_hold_the_same_words(seed, language):
    pair = pairs.paraphrase(Teller(seed))
    words = [
        Counter(t.text for t in sentence(language, clause)) for clause in (pair.first, pair.second)
    ]
    assert words[0] == words[1]
    same = _unordered(pair.first) == _unordered(pair.second)
    assert same == bool(pair.label)


def _unordered(clause: Clause) -> tuple:
    both = [frozenset({noun.head, noun.other}) for noun in (clause.subject, clause.object)]
    return *both, clause.verb, clause.time


def _dataset_configs() -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        ("facebook/xnli", "en", ("train", "validation", "test")),
        ("nyu-mll/glue", "mnli", ("train", "validation_matched")),
        ("google-research-datasets/paws-x", "en", ("train", "validation", "test")),
        ("google/xtreme", "udpos.English", ("train", "validation", "test")),
        ("google/xtreme", "PAN-X.en", ("train", "validation", "test")),
        ("rajpurkar/squad", "plain_text", ("train", "validation")),
        ("Rowan/hellaswag", "default", ("train", "validation")),
    ]


@pytest.mark.parametrize(("hub", "config", "splits"), _dataset_configs())
def test_splits_share_no_row(hub, config, splits):
    rows = {
        split: {str(row) for row in hub_rows(hub, config, split, 150, 0)[0]} for split in splits
    }
    for one in splits:
        assert len(rows[one]) == 150
        for two in splits:
            if one < two:
                texts = [
                    {re.sub(r"'(id|ind)': [^,]+, ", "", r) for r in rows[s]} for s in (one, two)
                ]
                assert not texts[0] & texts[1]


def test_premises_of_xnli_test_do_not_occur_in_training():
    train = {r["premise"] for r in hub_rows("nyu-mll/glue", "mnli", "train", 1500, 0)[0]}
    test = {r["premise"] for r in hub_rows("facebook/xnli", "en", "test", 300, 0)[0]}
    assert not train & test


def test_the_corpus_holds_no_meaning_that_a_test_split_owns():
    texts = " ".join(corpus("en", 400, 0))
    told = set(re.split(r" [.?] ", texts))
    rows = hub_rows("google/xtreme", "tatoeba.deu", "validation", 400, 0)[0]
    tests = {surface_words(row["target_sentence"]) for row in rows}
    assert not told & tests


def surface_words(text: str) -> str:
    return text.rstrip(".")


@pytest.mark.parametrize("config", ["udpos", "PAN-X"])
def test_test_words_of_tagging_are_held_out_of_training(config):
    named = config == "PAN-X"
    name = "PAN-X.en" if named else "udpos.English"
    kinds = ("person", "city", "company") if named else (
        "person", "city", "company", "act", "meet", "place", "animal", "food", "state", "time",
    )  # fmt: skip
    for split, kept in (("train", False), ("test", True)):
        used = {
            word.removeprefix("en:")
            for row in hub_rows("google/xtreme", name, split, 200, 0)[0]
            for word in row["tokens"]
        }
        wrong = {
            n for n in of_kind(*kinds) if held_out(n) != kept and concepts()[n].form("en") in used
        }
        assert not wrong


def test_a_tenth_of_all_meanings_is_kept_for_testing():
    teller = Teller(0)
    splits = Counter(split_of(teller.any_clause().meaning()) for _ in range(4000))
    assert splits["test"] == pytest.approx(400, rel=0.2)
    assert splits["dev"] == pytest.approx(400, rel=0.2)


def test_word_order_does_not_change_the_split():
    clause = replace(Teller(1).act(), time="today")
    assert split_of(clause.meaning()) == split_of(replace(clause, front=True).meaning())


def test_hub_rows_are_parallel_across_languages():
    english = hub_rows("facebook/xnli", "en", "test", 40, 3)[0]
    for code in ("zh", "tr", "ar"):
        other = hub_rows("facebook/xnli", code, "test", 40, 3)[0]
        assert [row["label"] for row in other] == [row["label"] for row in english]


def test_world_rows_are_the_same_in_a_new_process():
    code = (
        "from xstilts.world import hub_rows; import hashlib;"
        "print(hashlib.sha256(repr(hub_rows('google/xquad', 'xquad.ja', 'validation', 30, 0))"
        ".encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True,
            text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(runs) == 1


def test_labels_are_balanced():
    rows = hub_rows("facebook/xnli", "en", "test", 600, 0)[0]
    counts = Counter(row["label"] for row in rows)
    assert all(150 < counts[label] < 250 for label in range(3))


def test_bucc_rows_hide_pairs_among_distractors():
    rows = hub_rows("google/xtreme", "bucc18.ru", "test", 20, 0)[0]
    pairs_ = [r for r in rows if r["source_sentence"] and r["target_sentence"]]
    assert len(pairs_) == 20
    assert sum(bool(r["source_sentence"]) for r in rows) == 60
    assert sum(bool(r["target_sentence"]) for r in rows) == 60


def test_unknown_data_set_language_and_split_are_named():
    with pytest.raises(UserError, match="no data set 'a/b'"):
        hub_rows("a/b", "en", "train", 1, 0)
    with pytest.raises(UserError, match="does not speak"):
        hub_rows("facebook/xnli", "fr", "test", 1, 0)
    with pytest.raises(UserError, match="no split 'dev'"):
        hub_rows("facebook/xnli", "en", "dev", 1, 0)


def test_every_state_has_its_reaction():
    assert set(REACTIONS) == set(of_kind("state"))
    assert set(REACTIONS.values()) == set(of_kind("reaction"))


def test_codes_and_names_cover_the_languages():
    assert set(NAMES) == set(ISO3) == set(LANGUAGES)


def test_stories_speak_one_language_unless_mixed():
    for code in LANGUAGES:
        forms = {f.text for c in concepts().values() for f in c.forms[code]}
        for tokens in story(Teller(3, preferences=True), code):
            assert all(t.text in forms or t.pos in ("PUNCT", "NUM") for t in tokens)
    mixed = corpus("mixed", 200, 0)
    german = {f.text for c in concepts().values() for f in c.forms["de"]}
    assert any(set(text.split()) & german for text in mixed)
