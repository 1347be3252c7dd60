"""Questions that were asked in another language than English, in SQuAD's schema.

They are intermediate tasks of recipes that name their language. As targets they are zero-shot:
models are fine-tuned on SQuAD. Nothing here was loaded from the hub: ids, configs, columns and
sizes are those of the data sets' cards and file lists.
"""

from xstilts.tasks.intermediate_tasks import QA_COLUMNS
from xstilts.tasks.record import EXPORTED, Hparams, Source, Task

_UNVERIFIED = "the record was not tried on the hub"
# those of the other tasks that share SQuAD's models
_PAPER = Hparams(learning_rate=3e-6, epochs=2, batch_size=16, max_length=384)
_XTREME = Hparams(
    learning_rate=3e-5, epochs=3, batch_size=32, max_length=384, warmup=0.06, weight_decay=1e-4
)


def _record(
    name: str,
    lang: str,
    hub: str,
    config: str,
    splits: dict[str, str],
    licence: str,
    reference: str,
    *,
    metric: str = "squad",
    revision: str | None = None,
    note: str = _UNVERIFIED,
) -> Task:
    return Task(
        name=name,
        format="span_qa",
        source=Source(
            hub=hub,
            config=config,
            splits=splits,
            columns=QA_COLUMNS,
            revision=revision,
            clean=("find_answers",),
            note=note,
        ),
        languages=(lang,),
        metric=metric,
        train_from="squad",
        hparams=_PAPER,
        hparams_xtreme=_XTREME,
        licence=licence,
        reference=reference,
    )


NATIVE_QA_TASKS = (
    _record(
        "arcd",
        "ar",
        "hsseinmz/arcd",
        "plain_text",
        {"train": "train", "dev": "validation"},
        "MIT",
        "Mozannar et al. 2019, ARCD, https://arxiv.org/abs/1906.05394",
    ),
    _record(
        "germanquad",
        "de",
        "deepset/germanquad",
        "default",
        {"train": "train[:90%]", "dev": "train[90%:]", "test": "test"},
        "CC BY 4.0",
        "Möller et al. 2021, GermanQuAD, https://arxiv.org/abs/2104.12741",
        revision=EXPORTED,
        note=f"{_UNVERIFIED}; dev is cut off train",
    ),
    _record(
        "piaf",
        "fr",
        "AgentPublic/piaf",
        "plain_text",
        {"train": "train[:90%]", "dev": "train[90%:]"},
        "MIT",
        "Keraron et al. 2020, PIAF, https://arxiv.org/abs/2007.00968",
        note=f"{_UNVERIFIED}; dev is cut off train",
    ),
    _record(
        "squad_it",
        "it",
        "crux82/squad_it",
        "default",
        {"train": "train[:95%]", "dev": "train[95%:]", "test": "test"},
        "none stated on the hub",
        "Croce et al. 2018, SQuAD-it, https://github.com/crux82/squad-it",
        revision=EXPORTED,
        note=f"{_UNVERIFIED}; translated from English with machines; dev is cut off train",
    ),
    _record(
        "korquad",
        "ko",
        "KorQuAD/squad_kor_v1",
        "squad_kor_v1",
        {"train": "train", "dev": "validation"},
        "CC BY-ND 2.0 KR",
        "Lim et al. 2019, KorQuAD 1.0, https://arxiv.org/abs/1909.07005",
    ),
    _record(
        "sberquad",
        "ru",
        "kuznetsoffandrey/sberquad",
        "sberquad",
        {"train": "train", "dev": "validation"},
        "none stated on the hub",
        "Efimov et al. 2020, SberQuAD, https://arxiv.org/abs/1912.09723",
        note=f"{_UNVERIFIED}; whether its test split has answers is not known, so it is left out",
    ),
    _record(
        "cmrc2018",
        "zh",
        "hfl/cmrc2018",
        "default",
        {"train": "train", "dev": "validation", "test": "test"},
        "CC BY-SA 4.0",
        "Cui et al. 2019, CMRC 2018, https://arxiv.org/abs/1810.07366",
        metric="mlqa",
        note=f"{_UNVERIFIED}; scored as MLQA scores Chinese, not by the official script",
    ),
)
