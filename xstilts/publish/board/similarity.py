"""Do gains follow the kinship of languages? Likeness and family of source and target."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from xstilts.publish.board.evaluations import ENGLISH
from xstilts.publish.board.family import Record, corrected
from xstilts.publish.words.wording import chance, claimed, decimals, points, sentence, span
from xstilts.study.statistics.compare import Resampled
from xstilts.study.statistics.correlation import Correlation, Pairs, correlate
from xstilts.study.statistics.holm import holm
from xstilts.study.statistics.interval import CONFIDENCE
from xstilts.study.statistics.kinship import Origin, gains_by_target, within_family
from xstilts.study.statistics.sample import Array
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.similarity import similarities

Study = Mapping[str, Any]  # `study` of params.yaml
Seen = Mapping[str, Collection[str]]  # by recipe, languages that it or the baseline trained in
Gains = Mapping[tuple[Origin, str], float]  # by target language, in points
FEWEST = 6  # target languages below which nothing is said of likeness
_MORE = {1: "more", -1: "less"}
_RELATED = {code: own.family for code, own in LANGUAGES.items() if own.family != "isolate"}


def similarity_records(study: Study, resampled: Resampled, seen: Seen) -> list[Record]:
    """A record per model, over all recipes of `seen` and the languages unseen by each.

    `rho` says whether gains grow with the likeness of source and target (see `correlate`); it,
    its interval and its p are null below `FEWEST` target languages. `family` says how many
    points more a language gains where it is of its source's family (see `within_family`); null
    where no task can show it. Models without an unseen language have no record.
    """
    origins = {model: _origins(study, model, seen) for model in study["models"]}
    gains = {model: gains_by_target(resampled, own) for model, own in origins.items()}
    rho = {
        model: correlate(*_placed(own))
        for model, own in gains.items()
        if len(_targets(own)) >= FEWEST
    }
    p_holm = holm({model: one.p for model, one in rho.items()})
    kin = {model: within_family(resampled, own, _RELATED) for model, own in origins.items()}
    families = corrected({model: one for model, one in kin.items() if one is not None})
    return [
        {"model": model, "source": _languages(origins[model])}
        | {"targets": _targets(own), "pairs": len(own)}
        | _correlation(rho.get(model), p_holm.get(model))
        | {"family": families.get(model)}
        for model, own in gains.items()
        if own
    ]


def similarity_sentences(records: Sequence[Record]) -> list[str]:
    """On each record two sentences, on likeness and on family; no evidence where it shows none."""
    found = []
    for own in records:
        place = f"with {own['model']}, " if len(records) > 1 else ""
        found += [sentence(place + text) for text in (_likeness(own), *_family(own))]
    return found


def _likeness(own: Record) -> str:
    """A correlation is claimed where its interval and its p, after Holm's correction, allow."""
    alike = "a language is to English" if _english(own) else "source and target language are"
    if own["rho"] is None:
        return (
            f"too few languages to say whether gains depend on how similar {alike} "
            f"({len(own['targets'])}, where {FEWEST} are needed)."
        )
    found = (
        f"Spearman's rho {decimals(own['rho'])}, {own['confidence'] * 100:.0f} % interval "
        f"{decimals(own['low'])} to {decimals(own['high'])}, {chance(own['p_holm'])}"
    )
    if direction := claimed(own):
        return f"the more similar {alike}, the {_MORE[direction]} is gained ({found})."
    return f"no evidence that gains depend on how similar {alike} ({found})."


def _family(own: Record) -> Iterator[str]:
    found = own["family"]
    if found is None:
        return
    kin = "of the family of English" if _english(own) else "of the family of its source"
    if direction := claimed(found):
        size = points(abs(found["value"]))
        yield (
            f"over all recipes a language gains {size} points {_MORE[direction]} if it is {kin} "
            f"({span(found)})."
        )
    else:
        yield f"no evidence that a language gains more or less if it is {kin} ({span(found)})."


def _english(own: Record) -> bool:
    return bool(own["source"] == [ENGLISH])


def _origins(study: Study, model: str, seen: Seen) -> list[Origin]:
    recipes: dict[tuple[str, ...], list[str]] = {}
    for recipe in seen:
        languages = tuple(sorted(study.get("languages", {}).get(recipe, [ENGLISH])))
        recipes.setdefault(languages, []).append(recipe)
    return [
        Origin(
            languages,
            tuple((model, recipe) for recipe in own),
            (model, study["baseline"]),
            frozenset(seen[own[0]]),
        )
        for languages, own in recipes.items()
    ]


def _languages(origins: Sequence[Origin]) -> list[str]:
    return list(dict.fromkeys(code for origin in origins for code in origin.languages))


def _targets(gains: Gains) -> list[str]:
    return sorted({code for _, code in gains})


def _placed(gains: Gains) -> tuple[Pairs, Array]:
    """The pairs, and the similarities of the languages that occur."""
    origins = list(dict.fromkeys(origin for origin, _ in gains))
    codes = sorted({*_targets(gains), *_languages(origins)})
    most = max(len(origin.languages) for origin in origins)
    sources = [
        [codes.index(code) for code in (origin.languages * most)[:most]] for origin in origins
    ]
    pairs = Pairs(
        np.array(list(gains.values())),
        np.array([origins.index(origin) for origin, _ in gains]),
        np.array([codes.index(code) for _, code in gains]),
        np.array(sources),
    )
    return pairs, np.array([[similarities()[one][two] for two in codes] for one in codes])


def _correlation(own: Correlation | None, p_holm: float | None) -> Record:
    if own is None:
        return dict.fromkeys(("rho", "low", "high", "p", "p_holm", "direction"))
    direction = int(own.low > 0) - int(own.high < 0)
    return asdict(own) | {"p_holm": p_holm, "confidence": CONFIDENCE, "direction": direction}
