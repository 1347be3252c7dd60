"""Likeness of languages: its table, the correlation with gains, families, and the words."""

from itertools import permutations

import boards
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.publish.board.similarity import similarity_records, similarity_sentences
from xstilts.study.statistics import correlation
from xstilts.study.statistics.compare import resample
from xstilts.study.statistics.correlation import Pairs, correlate
from xstilts.study.statistics.kinship import Origin, gains_by_target, within_family
from xstilts.study.statistics.sample import Block, TaskSample
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.similarity import similarities


def test_the_table_has_every_language_and_is_symmetric():
    table = similarities()
    assert list(table) == list(LANGUAGES)
    assert all(list(row) == list(LANGUAGES) for row in table.values())
    values = np.array([list(row.values()) for row in table.values()])
    assert np.array_equal(values, values.T)
    assert np.array_equal(np.diag(values), np.ones(len(LANGUAGES)))
    assert values.min() > 0
    assert values[~np.eye(len(values), dtype=bool)].max() < 1


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [("en", "nl", "tr"), ("es", "pt", "ja"), ("hi", "ur", "yo"), ("ta", "te", "sw"),
     ("id", "ms", "ka"), ("fi", "et", "my"), ("ja", "ko", "vi")],
)  # fmt: skip
def test_neighbours_are_more_alike_than_strangers(one, near, far):
    assert similarities()[one][near] > similarities()[one][far] + 0.1


def _symmetric(size, seed):
    matrix = np.random.default_rng(seed).random((size, size))
    return np.round((matrix + matrix.T) / 2, 2) + np.eye(size)


def _one_origin(gains):
    """Language 0 is the origin, all others are targets."""
    count = len(gains)
    zeros = np.zeros(count, dtype=int)
    return Pairs(np.array(gains, dtype=float), zeros, np.arange(count) + 1, np.array([[0]]))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=4, max_size=12), st.integers(0, 99))
def test_with_one_origin_it_is_spearmans_rho_over_targets(gains, seed):
    similarity = _symmetric(len(gains) + 1, seed)
    found = correlation._measured(_one_origin(gains), similarity)
    constant = len(set(gains)) == 1
    expected = 0 if constant else scipy.stats.spearmanr(gains, similarity[0, 1:]).statistic
    assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=6, max_size=9), st.integers(0, 99))
def test_the_interval_holds_rho_and_the_signs_turn_together(gains, seed):
    similarity = _symmetric(len(gains) + 1, seed)
    pairs, turned = _one_origin(gains), _one_origin([-gain for gain in gains])
    rho = correlation._measured(pairs, similarity)
    low, high = correlation._interval(rho, pairs, similarity)
    assert -1 <= low <= rho + 1e-5
    assert rho - 1e-5 <= high <= 1
    assert correlation._interval(-rho, turned, similarity) == pytest.approx((-high, -low))


def test_p_is_the_share_of_namings_that_correlate_as_strongly():
    gains = [1.0, 2.5, 2.0, 5.0]
    similarity = _symmetric(5, 3)
    pairs = _one_origin(gains)
    rho = correlation._measured(pairs, similarity)
    all_rho = [
        scipy.stats.spearmanr(gains, similarity[0, list(targets)]).statistic
        for targets in permutations(range(1, 5))
    ]
    expected = np.mean(np.abs(all_rho) >= abs(rho) - 1e-9)
    assert correlate(pairs, similarity).p == pytest.approx(expected, abs=0.02)


def _crossed(similarity, origins, rng, *, slope, noise, target=5.0):
    """Gains of origins in all other languages: likeness, and what origin and target bring."""
    size = len(similarity)
    shared = rng.normal(0, target, size)
    rows = [(o, t) for o in range(origins) for t in range(size) if t != o]
    gains = [slope * similarity[o, t] + shared[t] + 3 * o + rng.normal(0, noise) for o, t in rows]
    places = np.array(rows)
    return Pairs(np.array(gains), places[:, 0], places[:, 1], np.arange(origins)[:, None])


def test_with_several_origins_what_targets_gain_from_all_is_taken_out():
    rng = np.random.default_rng(0)
    similarity = _symmetric(12, 1)
    found = correlate(_crossed(similarity, 3, rng, slope=10, noise=0.1), similarity)
    assert found.rho > 0.95
    assert found.p < 0.01
    assert found.low > 0.8
    nothing = correlate(_crossed(similarity, 3, rng, slope=0, noise=1), similarity)
    assert nothing.p > 0.05
    assert nothing.low < 0 < nothing.high


def test_gains_that_do_not_vary_correlate_with_nothing():
    found = correlate(_one_origin([2.0] * 7), _symmetric(8, 0))
    assert (found.rho, found.p) == (0, 1)


def test_a_perfect_correlation_of_few_languages_is_no_certainty():
    similarity = _symmetric(8, 2)
    found = correlate(_one_origin(similarity[0, 1:]), similarity)
    assert (found.rho, found.high) == (pytest.approx(1), pytest.approx(1))
    assert 0.5 < found.low < 0.99


def test_an_origin_of_several_languages_counts_as_its_nearest():
    similarity = _symmetric(8, 5)
    gains = np.arange(6.0)
    zeros = np.zeros(6, dtype=int)
    pairs = Pairs(gains, zeros, np.arange(2, 8), np.array([[0, 1]]))
    nearest = similarity[:2, 2:].max(axis=0)
    expected = scipy.stats.spearmanr(gains, nearest).statistic
    assert correlation._measured(pairs, similarity) == pytest.approx(expected)


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_intervals_and_p_hold_what_they_say_in_simulated_studies(effect, monkeypatch):
    """One origin, 12 targets: the interval holds the rho of very many targets."""
    monkeypatch.setattr(correlation, "PERMUTATIONS", 199)
    rng = np.random.default_rng(7)

    def study(targets):
        similarity = np.eye(targets + 1)
        similarity[0, 1:] = similarity[1:, 0] = rng.random(targets)
        gains = effect * 3.46 * similarity[0, 1:] + rng.normal(0, 1, targets)
        return _one_origin(gains), similarity

    truth = correlation._measured(*study(2000))
    held = claimed = 0
    for _ in range(120):
        pairs, similarity = study(12)
        rho = correlation._measured(pairs, similarity)
        low, high = correlation._interval(rho, pairs, similarity)
        held += low <= truth <= high
        claimed += correlation._p(rho, pairs, similarity, 0) <= 0.05
    assert held >= 108
    assert claimed <= 12 if effect == 0 else claimed >= 50


FAMILY = {"de": "ie", "ru": "ie", "sw": "nc", "yo": "nc", "tr": "tu", "zh": "st"}
CODES = ("de", "ru", "sw", "yo", "tr", "zh")


def _resampled(effects, tasks=("t",), codes=CODES, items=200, replicates=400):
    """Accuracy `50 + effects[run][language]` in points, two seeds; `none` is at 50."""
    runs = ("none", *effects)
    rng = np.random.default_rng(0)
    samples = {}
    for task in tasks:
        ease = np.sort(rng.random((items, len(codes), 1, 1)), axis=0)
        chance = np.array(
            [[50 + (effects[run][code] if run in effects else 0) for code in codes] for run in runs]
        )
        right = (ease < chance.T[None, :, :, None] / 100) * np.ones((1, 1, 1, 2))
        sums = np.stack([np.ones(right.shape), right], axis=-1)
        blocks = tuple(Block((code,), sums[:, [place]]) for place, code in enumerate(codes))
        samples[task] = TaskSample("accuracy", runs, (0, 1), blocks)
    return resample(samples, replicates=replicates)


def _origin(languages, *recipes, seen=()):
    return Origin(tuple(languages), recipes, "none", frozenset({"en", *languages, *seen}))


def test_gains_are_means_over_recipes_and_tasks_above_the_mean_of_the_task():
    one = {code: 2.0 * place for place, code in enumerate(CODES)}
    two = dict.fromkeys(CODES, 10.0)
    resampled = _resampled({"a": one, "b": two}, tasks=("t", "u"))
    found = gains_by_target(resampled, [_origin(["en"], "a", "b")])
    scores = resampled.tasks["t"].point.mean(axis=2)
    gains = scores[:, 1:].mean(axis=1) - scores[:, 0]
    others = resampled.tasks["u"].point.mean(axis=2)
    gains_u = others[:, 1:].mean(axis=1) - others[:, 0]
    expected = (gains - gains.mean() + gains_u - gains_u.mean()) / 2
    assert [code for _, code in found] == list(CODES)
    assert list(found.values()) == pytest.approx(list(expected))


def test_seen_languages_are_no_targets_nor_are_those_of_one_origin_alone():
    effects = dict.fromkeys(CODES, 5.0)
    resampled = _resampled({"a": effects, "b": effects}, items=20)
    found = gains_by_target(resampled, [_origin(["de"], "a"), _origin(["sw"], "b", seen=("tr",))])
    spoken = {(origin.languages, code) for origin, code in found}
    assert spoken == {((name,), code) for name in ("de", "sw") for code in ("ru", "yo", "zh")}


def test_one_origin_gains_in_its_family_less_elsewhere():
    effects = {"de": 0, "ru": 20, "sw": 4, "yo": 4, "tr": 4, "zh": 4}
    resampled = _resampled({"a": effects})
    found = within_family(resampled, [_origin(["de"], "a")], FAMILY)
    scores = resampled.tasks["t"].point.mean(axis=2)
    gains = dict(zip(CODES, scores[:, 1] - scores[:, 0], strict=True))
    expected = gains["ru"] - np.mean([gains[code] for code in ("sw", "yo", "tr", "zh")])
    assert found.value == pytest.approx(expected)
    assert found.direction == 1


def test_what_a_family_gains_from_all_origins_is_not_its_sources_doing():
    """ru and yo gain from everything, de does too where it is no origin."""
    shared = {"de": 9, "ru": 15, "sw": 0, "yo": 15, "tr": 0, "zh": 0}
    origins = [_origin(["de"], "a"), _origin(["sw"], "b")]
    same = within_family(_resampled({"a": shared, "b": shared}), origins, FAMILY)
    assert (same.value, same.direction) == (pytest.approx(0, abs=1e-9), 0)
    effects = {"a": shared, "b": shared | {"yo": 35}}
    own = within_family(_resampled(effects, items=1000), origins, FAMILY)
    # yo is 20 points better from sw, and so is worse from de, where it is of the others: 20 / 3
    assert own.value == pytest.approx((20 + 20 / 3) / 2, abs=1)
    alone = within_family(_resampled({"a": shared}), origins[:1], FAMILY)
    assert alone.value > 8


@pytest.mark.parametrize("languages", [["tr"], ["eu"]])
def test_without_a_relative_among_the_targets_there_is_no_family(languages):
    resampled = _resampled({"a": dict.fromkeys(CODES, 5.0)}, items=20, replicates=20)
    assert within_family(resampled, [_origin(languages, "a")], FAMILY) is None


def _records(effects, codes, languages=None):
    effects = {("m", recipe): own for recipe, own in effects.items()}
    resampled = _resampled(effects, codes=codes, items=300)
    tasks = {
        task: type(scores)(
            scores.languages,
            (("m", "none"), *scores.recipes[1:]),
            scores.seeds,
            scores.point,
            scores.drawn,
        )
        for task, scores in resampled.tasks.items()
    }
    languages = languages or {}
    study = {"models": ["m"], "baseline": "none", "languages": languages}
    seen = {recipe: ["en", *languages.get(recipe, [])] for _, recipe in effects}
    return similarity_records(study, type(resampled)(tasks, resampled.levels), seen)


def test_a_study_in_which_gains_grow_with_likeness_to_english_says_so():
    codes = ("nl", "de", "it", "ru", "et", "id", "zh", "th", "bn", "tr", "ja")
    effects = {code: 60 * similarities()["en"][code] - 20 for code in codes}
    (own,) = _records({"a": effects}, codes)
    assert (own["model"], own["source"], own["pairs"]) == ("m", ["en"], 11)
    assert own["targets"] == sorted(codes)
    assert own["rho"] > 0.9
    assert (own["direction"], own["p"], own["p_holm"]) == (1, own["p"], own["p"])
    assert own["family"]["value"] > 0
    likeness, family = similarity_sentences([own])
    assert likeness.startswith("The more similar a language is to English, the more is gained (")
    assert ("No evidence" in family) == (own["family"]["direction"] == 0)


def test_five_languages_are_too_few():
    codes = ("nl", "de", "zh", "tr", "sw")
    (own,) = _records({"a": dict.fromkeys(codes, 5.0)}, codes)
    assert own["rho"] is own["low"] is own["high"] is own["p"] is own["p_holm"] is None
    assert similarity_sentences([own])[0] == (
        "Too few languages to say whether gains depend on how similar a language is to English "
        "(5, where 6 are needed)."
    )


def test_without_an_unseen_language_there_is_no_record():
    assert _records({"a": {"en": 5.0, "de": 5.0}}, ("en", "de"), {"a": ["de"]}) == []


def test_sources_are_those_of_all_recipes():
    codes = ("nl", "de", "it", "ru", "sw", "yo", "zh", "tr", "ja")
    effects = dict.fromkeys(codes, 5.0)
    (own,) = _records({"a": effects, "b": effects, "c": effects}, codes, {"b": ["sw", "de"]})
    assert own["source"] == ["en", "de", "sw"]
    assert own["targets"] == ["it", "ja", "nl", "ru", "tr", "yo", "zh"]
    assert own["pairs"] == 14


def _record(rho, low, high, p, family=None, model="m", source=("en",)):
    direction = int(low > 0) - int(high < 0)
    own = {"model": model, "source": list(source), "targets": ["de"] * 9, "pairs": 9}
    own |= {"rho": rho, "low": low, "high": high, "p": p, "p_holm": p}
    return own | {"confidence": 0.95, "direction": direction, "family": family}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            _record(0.6, 0.2, 0.8, 0.01),
            "The more similar a language is to English, the more is gained (Spearman's rho 0.60, "
            "95 % interval 0.20 to 0.80, p = 0.01).",
            id="more",
        ),
        pytest.param(
            _record(-0.6, -0.8, -0.2, 0.0005, source=("en", "de")),
            "The more similar source and target language are, the less is gained (Spearman's rho "
            "−0.60, 95 % interval −0.80 to −0.20, p < 0.001).",
            id="less",
        ),
        pytest.param(
            _record(0.1, -0.5, 0.6, 0.7),
            "No evidence that gains depend on how similar a language is to English (Spearman's "
            "rho 0.10, 95 % interval −0.50 to 0.60, p = 0.7).",
            id="nothing",
        ),
        pytest.param(
            _record(0.6, 0.1, 0.8, 0.06),
            "No evidence that gains depend on how similar a language is to English (Spearman's "
            "rho 0.60, 95 % interval 0.10 to 0.80, p = 0.06).",
            id="an interval alone claims nothing",
        ),
        pytest.param(
            _record(0.6, -0.1, 0.8, 0.04),
            "No evidence that gains depend on how similar a language is to English (Spearman's "
            "rho 0.60, 95 % interval −0.10 to 0.80, p = 0.04).",
            id="nor does p",
        ),
    ],
)
def test_the_words_on_likeness(record, expected):
    assert similarity_sentences([record]) == [expected]


@pytest.mark.parametrize(
    ("ends", "source", "expected"),
    [
        ((1, 3), ["en"], "Over all recipes a language gains 2.0 points more if it is of the "
         "family of English (95 % interval 1.0 to 3.0)."),
        ((-3, -1), ["de", "sw"], "Over all recipes a language gains 2.0 points less if it is of "
         "the family of its source (95 % interval −3.0 to −1.0)."),
        ((-1, 2), ["en"], "No evidence that a language gains more or less if it is of the family "
         "of English (95 % interval −1.0 to 2.0)."),
    ],
)  # fmt: skip
def test_the_words_on_families(ends, source, expected):
    own = _record(0.1, -0.5, 0.6, 0.7, boards.interval(*ends), source=source)
    assert similarity_sentences([own])[1] == expected


def test_several_models_are_named():
    found = similarity_sentences([_record(0.1, -0.5, 0.6, 0.7, model=name) for name in "ab"])
    assert [text.split(",")[0] for text in found] == ["With a", "With b"]
