"""What XTREME-R changes about tasks that XTREME has, too (Ruder et al. 2021).

It adds languages, which lie in other data sets than the forty of XTREME, Tatoeba's sentences are
embedded by the encoder after fine-tuning on SQuAD, and who trains on COPA, for XCOPA, goes on from
a model trained on SIQA: its head too is kept, which both tasks share (`scripts/train_xcopa.sh` of
google-research/xtreme).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import EXPORTED, Task

Elsewhere = dict[str, dict[str, Any]]  # language -> fields of its source


def _panx(lang: str) -> dict[str, Any]:
    """The data set that PAN-X is taken from, in the same splits."""
    return {"hub": "unimelb-nlp/wikiann", "config": lang}


_TREEBANKS = {"lt": "alksnis", "pl": "pdb", "ro": "rrt", "uk": "iu", "wo": "wtb"}


def _udpos(lang: str) -> dict[str, Any]:
    return {
        "hub": "universal-dependencies/universal_dependencies",
        "config": f"{lang}_{_TREEBANKS[lang]}",
        "revision": EXPORTED,
        "columns": {"tokens": "tokens", "tags": "upos"},
        "drop_labels": ["_"],  # of multi-word tokens, whose words follow
        "note": f"one treebank of {LANGUAGES[lang].name}, where XTREME-R takes all of UD v2.7; "
        "this config was not tried on the hub",
    }


def _tatoeba(lang: str) -> dict[str, Any]:
    return {
        "hub": "mteb/tatoeba-bitext-mining",
        "config": f"{LANGUAGES[lang].iso3}-eng",
        "splits": {"test": "test"},
        "columns": {"text_a": "sentence1", "text_b": "sentence2"},
    }


ADDED: dict[str, Elsewhere] = {
    "xquad": {"ro": {}},
    "panx": {lang: _panx(lang) for lang in ("az", "gu", "lt", "pa", "pl", "qu", "ro", "uk")},
    "udpos": {lang: _udpos(lang) for lang in _TREEBANKS},
    "tatoeba": {lang: _tatoeba(lang) for lang in ("az", "lt", "pl", "ro", "uk")},
}


def xtreme_r(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """The tasks of XTREME whose records are others in XTREME-R."""
    found = {name: _with(tasks[name], elsewhere) for name, elsewhere in ADDED.items()}
    found["tatoeba"] = replace(found["tatoeba"], embedded_by="squad")
    found["copa"] = replace(tasks["copa"], after="siqa")
    return found


def _with(task: Task, elsewhere: Elsewhere) -> Task:
    own = {lang: fields for lang, fields in elsewhere.items() if fields}
    source = replace(task.source, elsewhere=own)
    return replace(task, languages=(*task.languages, *elsewhere), source=source)
