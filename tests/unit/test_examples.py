"""Texts that a model got wrong: readable in every format, the same ones for every model."""

from hypothesis import given
from hypothesis import strategies as st

from xstilts.evaluation.examples import KEPT, examples, is_parallel
from xstilts.evaluation.score import score
from xstilts.evaluation.shown import LIMIT, around
from xstilts.evaluation.ways import Found
from xstilts.publish.board.examples import SHOWN, chosen
from xstilts.tasks.formats import FORMATS
from xstilts.tasks.pool import Pool, with_targets
from xstilts.tasks.table import TASKS

LONG = "the cat sees the old house. " * 40


def _wrong(name, rows, values, language="de", english=(), candidates=None):
    """The examples of predictions on rows of a task."""
    task = TASKS[name]
    items = score(task, language, values, rows).items
    return examples(task, language, Found(rows, values, {}, candidates or {}), items, english)


def _texts(example, side="inputs"):
    return {text["name"]: text["text"] for text in example[side]}


def _pairs(count, language="de"):
    return [
        {"id": str(i), "text_a": f"{language} a{i}", "text_b": f"{language} b{i}", "label": i % 2}
        for i in range(count)
    ]


def test_labels_are_words():
    (found,) = _wrong("xnli", _pairs(1), [1])
    assert _texts(found) == {"premise": "de a0", "hypothesis": "de b0"}
    labels = TASKS["xnli"].labels
    assert (found["gold"], found["prediction"]) == (labels[0], labels[1])
    assert (found["language"], found["id"], found["correct"]) == ("de", "0", 0.0)
    assert found["answer_language"] is None
    (found,) = _wrong("pawsx", _pairs(1), [1])
    assert _texts(found) == {"first text": "de a0", "second text": "de b0"}
    assert (found["gold"], found["prediction"]) == ("no paraphrase", "paraphrase")


def test_what_is_right_is_no_example():
    assert _wrong("xnli", _pairs(4), [0, 1, 0, 1]) == []


def test_scores_that_are_close_are_right():
    rows = [{"id": str(i), "text_a": "a", "text_b": "b", "score": 4.0} for i in range(2)]
    (found,) = _wrong("stsb", rows, [3.5, 1.25])
    assert (found["id"], found["gold"]) == ("1", "4.0 on a scale from 0 to 5")
    assert found["prediction"] == "1.2 on a scale from 0 to 5"


def test_of_a_sentence_the_words_that_differ_are_named():
    labels = TASKS["panx"].labels
    tags = [labels.index(tag) for tag in ("B-PER", "O", "B-LOC")]
    row = {"id": "0", "tokens": ["Anna", "in", "Rom"], "tags": tags}
    (found,) = _wrong("panx", [row], [["B-PER", "O", "O"]])
    assert _texts(found) == {"sentence": "Anna in Rom"}
    assert (found["gold"], found["prediction"]) == ("Rom: B-LOC", "Rom: O")
    assert found["answer_language"] == "de"


def test_scripts_without_spaces_have_none_between_tokens():
    row = {"id": "0", "tokens": ["猫", "が", "見る"], "tags": [1, 1, 1]}
    (found,) = _wrong("udpos", [row], [[TASKS["udpos"].labels[0]] * 3], "ja")
    assert _texts(found) == {"sentence": "猫が見る"}
    assert found["gold"].count("\n") == 2


def test_heads_are_words():
    name = next(name for name, task in TASKS.items() if task.format == "parsing")
    labels = TASKS[name].labels
    relations = [labels.index(relation) for relation in ("nsubj", "root")]
    row = {"id": "0", "tokens": ["Anna", "sings"], "heads": [2, 0], "relations": relations}
    (found,) = _wrong(name, [row], [[(2, "obj"), (0, "root")]])
    assert (found["gold"], found["prediction"]) == ("Anna: nsubj of sings", "Anna: obj of sings")


def _question(context, answers, language="de"):
    return {"id": "q", "context": context, "question": f"{language}?", "answers": answers}


def test_a_context_is_cut_around_its_answer():
    answer = {"text": "red mouse", "start": len(LONG)}
    rows = [_question(f"{LONG}red mouse. {LONG}", [answer, answer | {"text": "mouse"}])]
    (found,) = _wrong("xquad", rows, ["cat"])
    context = _texts(found)["context"]
    assert "red mouse" in context
    assert len(context) <= LIMIT
    assert (context[0], context[-1]) == ("…", "…")
    assert (found["gold"], found["prediction"]) == ("red mouse / mouse", "cat")


def test_no_answer_is_said():
    (found,) = _wrong("squad_v2", [_question(LONG, [])], ["cat"], "en")
    assert (found["gold"], found["prediction"]) == ("no answer", "cat")
    (found,) = _wrong("xquad", [_question("a cat", [{"text": "cat", "start": 2}])], [""])
    assert found["prediction"] == "no answer"


def test_choices_are_texts():
    row = {"id": "0", "prompt": "why?", "choices": ["rain", "sun"], "label": 1}
    (found,) = _wrong("xcopa", [row], [0])
    assert _texts(found) == {"prompt": "why?", "choice 1": "rain", "choice 2": "sun"}
    assert (found["gold"], found["prediction"]) == ("sun", "rain")


def test_retrieved_sentences_are_shown_and_the_question_is_in_english():
    rows = [{"id": str(i), "text_a": f"Satz {i}", "text_b": f"sentence {i}"} for i in range(2)]
    (found,) = _wrong("tatoeba", rows, [1, 1])
    assert found["inputs"] == [{"name": "English sentence", "text": "sentence 0", "language": "en"}]
    assert (found["gold"], found["prediction"]) == ("Satz 0", "Satz 1")
    assert found["answer_language"] == "de"


def test_mined_sentences_are_shown_with_what_they_were_paired_with():
    rows = [
        {"id": f"{side}-{i}", "side": side, "text": f"{side} text {i}", "pair": pair}
        for i, pairs in enumerate([("english-0", "foreign-0"), ("", "")])
        for side, pair in zip(("foreign", "english"), pairs, strict=True)
    ]
    found = _wrong("bucc2018", rows, [("foreign-1", "english-1")])
    shown = {example["id"]: (example["gold"], example["prediction"]) for example in found}
    assert shown == {
        "foreign-0": ("english text 0", "no translation"),
        "foreign-1": ("no translation", "english text 1"),
    }
    assert {example["answer_language"] for example in found} == {"en"}


def _asked(language, first, second):
    context = f"{first}. {second}."
    answers = [{"text": second, "start": len(first) + 2}]
    ends = [(0, len(first) + 1), (len(first) + 2, len(context))]
    sentences = [{"start": start, "end": end} for start, end in ends]
    return {"id": "q", "context": context, "question": f"{language}?", "answers": answers} | {
        "sentences": sentences
    }


def test_the_best_wrong_sentence_is_shown_beside_the_answer():
    tests = {"de": [_asked("de", "eins", "zwei")], "en": [_asked("en", "one", "two")]}
    pool = Pool.of(tests)
    texts = dict(zip(pool.ids, pool.sentences, strict=True))
    rows = with_targets(tests["de"], pool)
    ranking = ["en/0/1", "en/0/0", "de/0/0", "de/0/1"]  # the first is a target, in English
    (found,) = _wrong("lareqa", rows, [ranking], english=tests["en"], candidates=texts)
    assert (found["gold"], found["prediction"]) == ("zwei.", "one.")
    assert _texts(found) == {"question": "de?"}
    assert _texts(found, "english") == {"question": "en?"}


def test_entities_have_their_descriptions():
    row = {"id": "0", "left": "er sah", "mention": "Rom", "right": "gestern", "entity": "Q220"}
    texts = {"Q220": "Rome is a city", "Q1": "Rom is a people"}
    (found,) = _wrong("mewslix", [row | {"description": ""}], [["Q1", "Q220"]], candidates=texts)
    assert _texts(found) == {"mention": "Rom", "text": "er sah Rom gestern"}
    assert (found["gold"], found["prediction"]) == ("Q220: Rome is a city", "Q1: Rom is a people")


def test_every_format_is_shown():
    from xstilts.evaluation import shown

    scored = set(FORMATS) - {"mlm"}
    assert set(shown._INPUTS) == set(shown._OUTCOMES) == scored


def test_the_english_item_stands_beside_its_translation():
    english = _pairs(12, "en")
    found = _wrong("xnli", _pairs(12), [2] * 12, english=english)
    assert len(found) == KEPT
    for example in found:
        assert _texts(example, "english") == {
            "premise": f"en a{example['id']}", "hypothesis": f"en b{example['id']}",
        }  # fmt: skip
    assert all(e["english"] is None for e in _wrong("xnli", english, [2] * 12, "en", english))


def test_rows_with_the_same_number_are_not_taken_for_translations():
    rows, english = _pairs(12), _pairs(12, "en")
    english[5]["label"] = 2
    assert not is_parallel(TASKS["xnli"], rows, english)
    assert not is_parallel(TASKS["xnli"], rows[:9], _pairs(9, "en"))  # too few to know
    same = [row | {"label": 1} for row in rows]
    assert not is_parallel(TASKS["xnli"], same, same)  # one label tells nothing
    tagged = [{"id": str(i), "tokens": ["a"], "tags": [i % 2]} for i in range(20)]
    assert not is_parallel(TASKS["udpos"], tagged, tagged)


def test_questions_with_ids_of_their_own_are_translations():
    answer = [{"text": "cat", "start": 2}]
    rows, english = [_question("a cat", answer)], [_question("the cat", answer, "en")]
    assert is_parallel(TASKS["xquad"], rows, english)
    assert not is_parallel(TASKS["xquad"], rows, [english[0] | {"id": "other"}])


@given(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)))
def test_two_models_show_the_same_items_where_both_are_wrong(first, second):
    rows = _pairs(60)
    shown = [
        _wrong("xnli", rows, [2 if i in wrong else i % 2 for i in range(60)])
        for wrong in (first, second)
    ]
    for own, other, wrong in zip(shown, shown[::-1], (first, second), strict=True):
        assert len(own) == min(KEPT, len(wrong))
        best = chosen(own, [other])
        shared = {e["id"] for e in own} & {e["id"] for e in other}
        assert len(best) == min(SHOWN, len(own))
        assert len({e["id"] for e in best} & shared) == min(SHOWN, len(shared))
    both = [{e["id"] for e in chosen(own, [other]) if e["id"] in {o["id"] for o in other}}
            for own, other in (shown, shown[::-1])]  # fmt: skip
    assert both[0] == both[1]


@given(st.text(max_size=900), st.integers(0, 900), st.integers(0, 40), st.integers(10, 300))
def test_a_text_is_cut_to_its_limit_around_a_span(text, start, length, limit):
    start = min(start, len(text))
    end = min(start + length, len(text))
    found = around(text, start, end, limit)
    assert len(found) <= limit
    if len(text) <= limit:
        assert found == text
    if end - start <= limit - 2:
        assert text[start:end].strip() in found
    assert found.strip("…").strip() in text
