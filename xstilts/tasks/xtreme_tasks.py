"""The nine target tasks of XTREME (Hu et al. 2020)."""

from xstilts.tasks.intermediate_tasks import NLI, NLI_COLUMNS, PAIR_COLUMNS, QA_COLUMNS
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import EXPORTED, Hparams, Source, Task


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


UPOS = _words("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")
BIO = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

_UD_LANGUAGES = _words(
    "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur "
    "vi yo zh"
)
_TYDI_LANGUAGES = _words("ar bn en fi id ko ru sw te")
_TATOEBA_LANGUAGES = _words(
    "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te "
    "th tl tr ur vi zh"
)

_TRANSLATION = {"text_a": "source_sentence", "text_b": "target_sentence"}

# Hu et al. 2020, XLM-R large, scripts of google-research/xtreme. Their QA runs warm up for 500
# steps: of about 8,200 on SQuAD (0.06); TyDiQA's whole run is shorter, so its rate only rises.
_XTREME_PAIR = Hparams(
    learning_rate=2e-5, epochs=5, batch_size=32, max_length=128, warmup=0.0, weight_decay=0.0
)
_XTREME_TAGS = Hparams(
    learning_rate=2e-5, epochs=10, batch_size=32, max_length=128, warmup=0.0, weight_decay=0.0
)
_XTREME_QA = Hparams(
    learning_rate=3e-5, epochs=3, batch_size=32, max_length=384, warmup=0.06, weight_decay=1e-4
)
# Phang et al. 2020, target tasks; weight decay and lengths as in the authors' jiant.
_PAPER_TAGS = Hparams(learning_rate=3e-6, epochs=10, batch_size=32, max_length=256)
_PAPER_QA = Hparams(learning_rate=3e-6, epochs=2, batch_size=16, max_length=384)
_EMBED = Hparams(max_length=512)

XTREME_TASKS = (
    Task(
        name="xnli",
        format="classification",
        source=Source(
            hub="facebook/xnli",
            config="{lang}",
            splits={"train": "train", "dev": "validation", "test": "test"},
            columns=NLI_COLUMNS,
            note="training rows of other languages than English are translated by machine",
        ),
        languages=_words("ar bg de el en es fr hi ru sw th tr ur vi zh"),
        metric="accuracy",
        labels=NLI,
        train_from="mnli",
        group="classification",
        hparams=Hparams(learning_rate=3e-6, epochs=2, batch_size=4, max_length=256),
        hparams_xtreme=Hparams(
            learning_rate=3e-5,
            epochs=5,
            batch_size=32,
            max_length=128,
            warmup=0.0,
            weight_decay=0.0,
        ),
        licence="CC BY-NC 4.0",
        reference="Conneau et al. 2018, XNLI, https://arxiv.org/abs/1809.05053",
    ),
    Task(
        name="pawsx",
        format="classification",
        source=Source(
            # google/xtreme's PAWS-X lost rows to CSV quoting; this one is whole
            hub="google-research-datasets/paws-x",
            config="{lang}",
            splits={"train": "train", "dev": "validation", "test": "test"},
            columns=PAIR_COLUMNS | {"id": "id"},
        ),
        languages=_words("de en es fr ja ko zh"),
        metric="accuracy",
        labels=("0", "1"),
        group="classification",
        hparams=Hparams(learning_rate=3e-6, epochs=5, batch_size=32, max_length=256),
        hparams_xtreme=_XTREME_PAIR,
        licence="PAWS-X licence (free for any purpose, Google LLC)",
        reference="Yang et al. 2019, PAWS-X, https://arxiv.org/abs/1908.11828",
    ),
    Task(
        name="udpos",
        format="tagging",
        source=Source(
            hub="google/xtreme",
            config="udpos.{lang}",
            splits={"train": "train", "dev": "validation", "test": "test"},
            columns={"tokens": "tokens", "tags": "pos_tags"},
            language_codes={code: LANGUAGES[code].name for code in _UD_LANGUAGES},
            clean=("drop_placeholders", "join_tokens"),
            note="multi-word tokens are not fused and some languages hold further treebanks: "
            "not equal to the official XTREME test sets",
        ),
        languages=_UD_LANGUAGES,
        metric="chunk_f1",
        labels=UPOS,
        group="structured",
        hparams=_PAPER_TAGS,
        hparams_xtreme=_XTREME_TAGS,
        licence="as its treebanks (CC BY-SA and CC BY-NC-SA, mostly)",
        reference="Nivre et al. 2020, Universal Dependencies v2, https://arxiv.org/abs/2004.10643",
    ),
    Task(
        name="panx",
        format="tagging",
        source=Source(
            hub="google/xtreme",
            config="PAN-X.{lang}",
            splits={"train": "train", "dev": "validation", "test": "test"},
            columns={"tokens": "tokens", "tags": "ner_tags"},
            clean=("strip_language_prefix",),
        ),
        languages=_words(
            "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl "
            "pt ru sw ta te th tl tr ur vi yo zh"
        ),
        metric="entity_f1",
        labels=BIO,
        group="structured",
        hparams=_PAPER_TAGS,
        hparams_xtreme=_XTREME_TAGS,
        licence="none stated (WikiANN)",
        reference="Pan et al. 2017, WikiANN, https://aclanthology.org/P17-1178; splits of "
        "Rahimi et al. 2019, https://arxiv.org/abs/1902.00193",
    ),
    Task(
        name="xquad",
        format="span_qa",
        source=Source(
            hub="google/xquad",
            config="xquad.{lang}",
            splits={"test": "validation"},
            columns=QA_COLUMNS,
            clean=("find_answers",),
        ),
        languages=_words("ar de el en es hi ru th tr vi zh"),
        metric="squad",
        train_from="squad",
        group="qa",
        hparams=_PAPER_QA,
        hparams_xtreme=_XTREME_QA,
        licence="CC BY-SA 4.0",
        reference="Artetxe et al. 2020, XQuAD, https://arxiv.org/abs/1910.11856",
    ),
    Task(
        name="mlqa",
        format="span_qa",
        source=Source(
            hub="facebook/mlqa",
            config="mlqa.{lang}.{lang}",
            splits={"dev": "validation", "test": "test"},
            columns=QA_COLUMNS,
            revision=EXPORTED,
        ),
        languages=_words("ar de en es hi vi zh"),
        metric="mlqa",
        train_from="squad",
        group="qa",
        hparams=_PAPER_QA,
        hparams_xtreme=_XTREME_QA,
        licence="CC BY-SA 3.0",
        reference="Lewis et al. 2020, MLQA, https://arxiv.org/abs/1910.07475",
    ),
    Task(
        name="tydiqa",
        format="span_qa",
        source=Source(
            hub="google-research-datasets/tydiqa",
            config="secondary_task",
            # the public dev set is the test set, so dev is cut off train
            splits={"train": "train[:90%]", "dev": "train[90%:]", "test": "validation"},
            columns=QA_COLUMNS,
            language_prefix="id",
            language_codes={code: LANGUAGES[code].name.lower() for code in _TYDI_LANGUAGES},
            clean=("find_answers",),
        ),
        languages=_TYDI_LANGUAGES,
        metric="squad",
        group="qa",
        hparams=_PAPER_QA,
        hparams_xtreme=Hparams(
            learning_rate=3e-5,
            epochs=3,
            batch_size=32,
            max_length=384,
            warmup=1.0,
            weight_decay=1e-4,
        ),
        licence="Apache-2.0",
        reference="Clark et al. 2020, TyDi QA (GoldP), https://arxiv.org/abs/2003.05002",
    ),
    Task(
        name="bucc2018",
        format="mining",
        source=Source(
            hub="google/xtreme",
            config="bucc18.{lang}",
            splits={"dev": "validation", "test": "test"},
            columns={
                "foreign_id": "source_lang",
                "foreign": "source_sentence",
                "english_id": "target_lang",
                "english": "target_sentence",
            },
            files="github/GautamGupta17/MESH/data/bucc2018/{lang}-en.{split}.{part}",
        ),
        languages=("de", "fr", "ru", "zh"),
        metric="mining_f1",
        group="retrieval",
        hparams=_EMBED,
        licence="BUCC shared task, research use",
        reference="Zweigenbaum et al. 2018, BUCC, https://comparable.limsi.fr/bucc2018",
    ),
    Task(
        name="tatoeba",
        format="retrieval",
        source=Source(
            hub="google/xtreme",
            config="tatoeba.{lang}",
            splits={"test": "validation"},
            columns=_TRANSLATION,
            language_codes={code: LANGUAGES[code].iso3 for code in _TATOEBA_LANGUAGES},
        ),
        languages=_TATOEBA_LANGUAGES,
        metric="accuracy",
        group="retrieval",
        hparams=_EMBED,
        licence="CC BY 2.0 FR",
        reference="Artetxe and Schwenk 2019, Tatoeba, https://arxiv.org/abs/1812.10464",
    ),
)
