"""Intermediate tasks of Phang et al. 2020 in English, and semantic similarity."""

from dataclasses import replace

from xstilts.tasks.record import Hparams, Source, Task

NLI = ("entailment", "neutral", "contradiction")

PAIR_COLUMNS = {"text_a": "sentence1", "text_b": "sentence2", "label": "label"}
_SIMILARITY = {"text_a": "sentence1", "text_b": "sentence2"}
NLI_COLUMNS = {"text_a": "premise", "text_b": "hypothesis", "label": "label"}
QA_COLUMNS = {"id": "id", "context": "context", "question": "question", "answers": "answers"}

# The papers have no semantic similarity: as the intermediate tasks of about this size.
_PAPER_LIKE_PAIR = Hparams(epochs=10, batch_size=24)

_MNLI = Source(
    hub="nyu-mll/glue",
    config="mnli",
    splits={"train": "train", "dev": "validation_matched"},
    columns=NLI_COLUMNS,
)
_SNLI = Source(
    hub="stanfordnlp/snli",
    config="plain_text",
    splits={"train": "train", "dev": "validation", "test": "test"},
    columns=NLI_COLUMNS,
    drop_labels=(-1,),
)

INTERMEDIATE_TASKS = (
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
            columns=NLI_COLUMNS | {"id": "uid"},
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
            columns=QA_COLUMNS,
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
            columns=QA_COLUMNS,
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
        languages=("de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "zh"),
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
