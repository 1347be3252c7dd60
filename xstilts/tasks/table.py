"""The table of tasks: one row each. To add a task, add a row."""

from dataclasses import replace
from difflib import get_close_matches

from xstilts.errors import UserError
from xstilts.tasks.answer_tasks import ANSWER_TASKS
from xstilts.tasks.check import problems
from xstilts.tasks.choice_tasks import CHOICE_TASKS
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.native_qa import NATIVE_QA_TASKS
from xstilts.tasks.record import EXPORTED, Hparams, Source, Task
from xstilts.tasks.structure_tasks import STRUCTURE_TASKS
from xstilts.tasks.text_tasks import TEXT_TASKS
from xstilts.tasks.xtreme_r import xtreme_r


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NLI = ("entailment", "neutral", "contradiction")
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

_PAIR = {"text_a": "sentence1", "text_b": "sentence2", "label": "label"}
_SIMILARITY = {"text_a": "sentence1", "text_b": "sentence2"}
_NLI = {"text_a": "premise", "text_b": "hypothesis", "label": "label"}
_QA = {"id": "id", "context": "context", "question": "question", "answers": "answers"}
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

# The papers have no semantic similarity: as the intermediate tasks of about this size.
_PAPER_LIKE_PAIR = Hparams(epochs=10, batch_size=24)

_EMBED = Hparams(max_length=512)

_MNLI = Source(
    hub="nyu-mll/glue",
    config="mnli",
    splits={"train": "train", "dev": "validation_matched"},
    columns=_NLI,
)
_SNLI = Source(
    hub="stanfordnlp/snli",
    config="plain_text",
    splits={"train": "train", "dev": "validation", "test": "test"},
    columns=_NLI,
    drop_labels=(-1,),
)

_TASKS = (
    Task(
        name="xnli",
        format="classification",
        source=Source(
            hub="facebook/xnli",
            config="{lang}",
            splits={"train": "train", "dev": "validation", "test": "test"},
            columns=_NLI,
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
            columns=_PAIR | {"id": "id"},
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
            columns=_QA,
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
            columns=_QA,
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
            columns=_QA,
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
    Task(
        name="mnli",
        format="classification",
        source=_MNLI,
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        # the paper's first version lists no MNLI alone: batch and epochs of its NLI mixture
        hparams=Hparams(epochs=2, batch_size=24),
        licence="MultiNLI terms (mostly OANC licence)",
        reference="Williams et al. 2018, MultiNLI, https://arxiv.org/abs/1704.05426",
    ),
    Task(
        # the paper's ANLI+: 1,104,934 training rows under one head, 22,857 to select on
        name="anli_plus",
        format="classification",
        source=Source(
            hub="facebook/anli",
            config="plain_text",
            splits={"train": "train_r1+train_r2+train_r3", "dev": "dev_r1+dev_r2+dev_r3"},
            columns=_NLI | {"id": "uid"},
        ),
        also=(_MNLI, replace(_SNLI, splits={"train": "train", "dev": "validation"})),
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        hparams=Hparams(epochs=2, batch_size=24),
        licence="CC BY-NC 4.0 (ANLI); MultiNLI terms; CC BY-SA 4.0 (SNLI)",
        reference="Nie et al. 2020, Adversarial NLI, https://arxiv.org/abs/1910.14599",
    ),
    Task(
        name="qqp",
        format="classification",
        source=Source(
            hub="nyu-mll/glue",
            config="qqp",
            splits={"train": "train", "dev": "validation"},
            columns={"text_a": "question1", "text_b": "question2", "label": "label"},
            clean=("drop_empty",),
        ),
        languages=("en",),
        metric="accuracy_f1",
        labels=("not_duplicate", "duplicate"),
        hparams=Hparams(epochs=3, batch_size=24),
        licence="Quora terms",
        reference="Iyer et al. 2017, Quora Question Pairs, in GLUE, "
        "https://arxiv.org/abs/1804.07461",
    ),
    Task(
        name="squad",
        format="span_qa",
        source=Source(
            hub="rajpurkar/squad",
            config="plain_text",
            splits={"train": "train", "dev": "validation"},
            columns=_QA,
        ),
        languages=("en",),
        metric="squad",
        hparams=Hparams(epochs=3, batch_size=8, max_length=384),
        licence="CC BY-SA 4.0",
        reference="Rajpurkar et al. 2016, SQuAD, https://arxiv.org/abs/1606.05250",
    ),
    Task(
        name="squad_v2",
        format="span_qa",
        source=Source(
            hub="rajpurkar/squad_v2",
            config="squad_v2",
            splits={"train": "train", "dev": "validation"},
            columns=_QA,
        ),
        languages=("en",),
        metric="squad_v2",
        # the paper's first version does not list it: as SQuAD 1.1
        hparams=Hparams(epochs=3, batch_size=8, max_length=384),
        licence="CC BY-SA 4.0",
        reference="Rajpurkar et al. 2018, SQuAD 2.0, https://arxiv.org/abs/1806.03822",
    ),
    Task(
        name="stsb",
        format="regression",
        source=Source(
            hub="nyu-mll/glue",
            config="stsb",
            splits={"train": "train", "dev": "validation"},
            columns=_SIMILARITY | {"score": "label"},
        ),
        languages=("en",),
        metric="pearson_spearman",
        scale=(0.0, 5.0),
        hparams=_PAPER_LIKE_PAIR,
        licence="STS-B licence (as its sources)",
        reference="Cer et al. 2017, STS Benchmark, https://arxiv.org/abs/1708.00055",
    ),
    Task(
        name="stsb_multi",
        format="regression",
        source=Source(
            hub="PhilipMay/stsb_multi_mt",
            config="{lang}",
            splits={"train": "train", "dev": "dev", "test": "test"},
            columns=_SIMILARITY | {"score": "similarity_score"},
            note="translated by machine from English, the test set too",
        ),
        languages=_words("de en es fr it nl pl pt ru zh"),
        metric="pearson_spearman",
        scale=(0.0, 5.0),
        hparams=_PAPER_LIKE_PAIR,
        licence="STS-B licence (as its sources); translations CC BY-SA 4.0",
        reference="May 2021, STSb Multi MT, https://github.com/PhilipMay/stsb-multi-mt",
    ),
    Task(
        name="hellaswag",
        format="multiple_choice",
        source=Source(
            hub="Rowan/hellaswag",
            config="default",
            splits={"train": "train", "dev": "validation"},
            columns={"prompt": "ctx_a", "choices": "{ctx_b} {endings}", "label": "label"},
            labels=("0", "1", "2", "3"),
        ),
        languages=("en",),
        metric="accuracy",
        choices=4,
        hparams=Hparams(epochs=7, batch_size=24),
        licence="MIT",
        reference="Zellers et al. 2019, HellaSwag, https://arxiv.org/abs/1905.07830",
    ),
    Task(
        name="commonsense_qa",
        format="multiple_choice",
        source=Source(
            hub="tau/commonsense_qa",
            config="default",
            splits={"train": "train", "dev": "validation"},
            columns={
                "id": "id",
                "prompt": "question",
                "choices": "choices.text",
                "label": "answerKey",
            },
            labels=("A", "B", "C", "D", "E"),
        ),
        languages=("en",),
        metric="accuracy",
        choices=5,
        hparams=Hparams(epochs=10, batch_size=4),
        licence="MIT",
        reference="Talmor et al. 2019, CommonsenseQA, https://arxiv.org/abs/1811.00937",
    ),
    Task(
        name="snli",
        format="classification",
        source=_SNLI,
        languages=("en",),
        metric="accuracy",
        labels=NLI,
        hparams=Hparams(epochs=2, batch_size=24),
        licence="CC BY-SA 4.0",
        reference="Bowman et al. 2015, SNLI, https://arxiv.org/abs/1508.05326",
    ),
)
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        *_TASKS,
        *STRUCTURE_TASKS,
        *CHOICE_TASKS,
        *ANSWER_TASKS,
        *NATIVE_QA_TASKS,
        *TEXT_TASKS,
    )
}

BENCHMARKS: dict[str, dict[str, tuple[str, ...]]] = {
    "xtreme": {
        "classification": ("pawsx", "xnli"),
        "structured": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
    "xtreme-r": {
        "classification": ("xnli", "xcopa"),
        "structured": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "lareqa", "mewslix"),
    },
}
NO_OVERALL = ("xtreme-r",)  # its script knows no metric for LAReQA: a mean says of what it is
# benchmark -> tasks whose records are others there than in `TASKS`
VARIANTS: dict[str, dict[str, Task]] = {"xtreme-r": xtreme_r(TASKS)}


def task_in(name: str, benchmark: str) -> Task:
    """The record of a task as a benchmark has it."""
    return VARIANTS.get(benchmark, {}).get(name, TASKS[name])


def members(benchmark: str) -> tuple[str, ...]:
    """The tasks of a benchmark, in the order of its groups."""
    return tuple(task for tasks in BENCHMARKS[benchmark].values() for task in tasks)


def get_task(name: str) -> Task:
    """The task of that name; an unknown one raises a `UserError` that lists the near ones."""
    if name in TASKS:
        return TASKS[name]
    near = get_close_matches(name, TASKS, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(f"unknown task {name!r}: {hint}known tasks are {', '.join(sorted(TASKS))}.")


_FOUND = problems(TASKS, BENCHMARKS) + [
    f"{benchmark}: {problem}"
    for benchmark, variants in VARIANTS.items()
    for problem in problems(TASKS | variants, BENCHMARKS)
]
if _FOUND:
    raise ValueError("the task table is inconsistent:\n" + "\n".join(_FOUND))
