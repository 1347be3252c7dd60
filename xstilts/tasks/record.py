"""What a task is: one frozen record. The rows stand in `table.py`."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

SPLITS = ("train", "dev", "test")
EXPORTED = "refs/convert/parquet"  # the hub's own Parquet copy of a data set that has a script

# What a format needs from one row of the source; `id` is optional everywhere but in span_qa
# (its predictions are keyed by id) and defaults to the row's number in the source's split.
FORMAT_FIELDS = {
    "classification": ("text_a", "text_b", "label"),
    "regression": ("text_a", "text_b", "score"),
    "tagging": ("tokens", "tags"),
    "parsing": ("tokens", "heads", "relations"),
    "span_qa": ("id", "context", "question", "answers"),
    "multiple_choice": ("prompt", "choices", "label"),
    "retrieval": ("text_a", "text_b"),
    "mining": ("foreign_id", "foreign", "english_id", "english"),
    "dual_encoder": ("id", "context", "question", "answers"),
    "entity_linking": ("id", "mention", "entity"),
    "entities": ("id", "description"),  # the candidates of entity linking
    "mlm": ("text",),
}
# What a format takes from a row where the source has it.
OPTIONAL_FIELDS = {"dual_encoder": ("sentence_breaks",), "entity_linking": ("description",)}
FORMAT_METRICS = {
    "classification": ("accuracy", "accuracy_f1"),
    "regression": ("pearson_spearman",),
    "tagging": ("chunk_f1", "entity_f1", "tag_accuracy"),
    "parsing": ("las",),
    "span_qa": ("squad", "mlqa", "squad_v2"),
    "multiple_choice": ("accuracy",),
    "retrieval": ("accuracy",),
    "mining": ("mining_f1",),
    "dual_encoder": ("map@20",),
    "entity_linking": ("map@20",),
    "entities": (),
    "mlm": ("perplexity",),
}
CLEANING = (
    "words_only",  # multi-word tokens and empty nodes, which have neither head nor relation, go
    "universal_relations",  # `nmod:poss` becomes `nmod`
    "strip_language_prefix",  # tokens written `de:Berlin` become `Berlin`
    "join_tokens",  # spaces and U+200C inside a token are removed
    "drop_placeholders",  # sentences whose tokens are all `_`, or all but one
    "drop_empty",  # rows with an empty text, or an empty one among several
    "find_answers",  # an answer that stands a few characters beside its offset is moved
    "cut_sentences",  # a context whose sentences the source does not mark is cut by rule
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows of a task lie on the Hugging Face hub (or in a mirror of it).

    `config` may hold `{lang}`, filled with `language_codes[lang]` where given, else with
    the ISO 639-1 code. `splits` maps our `train`, `dev`, `test` to the source's own
    split expression; slices (`train[:90%]`) count the rows of one language. `columns` maps
    each field of the task's format (`FORMAT_FIELDS`) to a column of the source, to a part
    of one (`choices.text`), to several that make a list (`choice1 | choice2`) or to a
    template over columns (`{ctx_b} {endings}`); a template over one list column gives a
    list, a template over a number its digits (`{answer}`: "2").
    """

    hub: str
    config: str
    splits: dict[str, str]
    columns: dict[str, str]
    revision: str | None = None
    language_codes: dict[str, str] = field(default_factory=dict)
    language_prefix: str | None = None  # column whose text starts with `<language code>-`
    labels: tuple[str, ...] = ()  # order of the source's integer labels, when not the task's
    # the source's own "no gold label": rows that have it are left out, of tags their tokens
    drop_labels: tuple[int | str, ...] = ()
    clean: tuple[str, ...] = ()  # steps of `CLEANING`, applied in this order and counted
    files: str | None = None  # text layout of a mirror, over {lang}, {split} and {part}
    note: str | None = None  # what to know when comparing with published numbers
    # language -> fields of this record that are others for it: it lies in another data set
    elsewhere: dict[str, dict[str, Any]] = field(default_factory=dict)
    # entity linking: fields that are others for the candidates, which all languages share
    candidates: dict[str, Any] = field(default_factory=dict)

    def of(self, lang: str) -> "Source":
        """The source of one language, without those of others."""
        other = self.elsewhere.get(lang)
        if other is None:
            return replace(self, elsewhere={})
        own = {"revision": None, "note": None, "language_codes": {}} | other
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in own.items()
        }
        return replace(self, **plain, elsewhere={})

    @property
    def files_are_json(self) -> bool:
        """Whether `files` are SQuAD's JSON; else they are texts with ids, as BUCC's."""
        return self.files is not None and self.files.endswith(".json")

    @property
    def files_are_mentions(self) -> bool:
        """Whether `files` are Mewsli-X's lines of JSON, as its publisher's script makes them."""
        return self.files is not None and self.files.endswith(".jsonl")

    @property
    def files_are_tagged(self) -> bool:
        """Whether `files` are a user's own tagged sentences, which no hub has."""
        known = self.files_are_json or self.files_are_mentions
        return self.files is not None and not known and "{part}" not in self.files

    def code(self, lang: str) -> str:
        """The source's own code of a language."""
        return self.language_codes.get(lang, lang)

    def config_of(self, lang: str) -> str:
        """The source's config that holds a language."""
        return self.config.replace("{lang}", self.code(lang))


def listed_columns(spec: str) -> list[str]:
    """The columns of a spec that is no template: `a | b` names two, which make a list."""
    return [part.strip() for part in spec.split("|")]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How much text of each language is trained on: `total` sentences, of language l a share
    proportional to (n_l / n) ** `exponent`, where n_l is the size of its source
    (Conneau and Lample 2019, section 3.1, https://arxiv.org/abs/1901.07291).
    """

    total: int  # over all languages
    exponent: float  # 1: as the sources; 0: the same of every language


@dataclass(frozen=True, kw_only=True)
class Hparams:
    """Hyper-parameters of one training run; `None` in a study override means "as here"."""

    learning_rate: float = 1e-5
    epochs: float = 3
    batch_size: int = 32  # examples; turned into a token budget by the batcher
    max_length: int = 256  # sub-words of one input
    warmup: float = 0.1  # share of all steps
    weight_decay: float = 0.01
    doc_stride: int = 128  # span QA: overlap of two windows, in sub-words
    max_query_length: int = 64  # span QA
    max_answer_length: int = 30  # span QA: sub-words of a predicted answer


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task in one role or both: intermediate, target."""

    name: str
    format: str
    source: Source
    also: tuple[Source, ...] = ()  # further sources: their rows join these, under one head
    languages: tuple[str, ...]
    metric: str
    labels: tuple[str, ...] = ()
    train_from: str | None = None  # the task whose English training data serves this target
    after: str | None = None  # the task fine-tuned on just before, whose head goes on with this one
    embedded_by: str | None = None  # retrieval: after fine-tuning on this task; else before any
    group: str | None = None  # column of the benchmark's leaderboard
    choices: int | None = None  # multiple choice: number of choices
    scale: tuple[float, float] | None = None  # regression: lowest and highest score
    sampling: Sampling | None = None  # text: sentences are drawn from articles, by language
    hparams: Hparams = Hparams()  # Phang et al. 2020
    hparams_xtreme: Hparams | None = None  # Hu et al. 2020, the named alternative
    licence: str
    reference: str

    @property
    def may_lack_answers(self) -> bool:
        """Whether span QA has questions without an answer, for which "" is right."""
        return self.metric == "squad_v2"

    def parts(self) -> tuple["Task", ...]:
        """The task with each of its sources alone; itself where it has one."""
        return tuple(replace(self, source=own, also=()) for own in (self.source, *self.also))

    def in_language(self, lang: str) -> "Task":
        """The task with the source of one language."""
        return replace(self, source=self.source.of(lang))

    def to_dict(self) -> dict[str, Any]:
        """Plain data (lists for tuples), as it stands in `params.yaml`."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Task":
        """The inverse of `to_dict`, also for data that went through YAML.

        Fields that are left out have the record's defaults; a task that is only trained on
        or scored needs no source, licence and reference.
        """
        xtreme, sampling = data.get("hparams_xtreme"), data.get("sampling")
        return cls(
            **dict(
                {"licence": "", "reference": ""} | data,
                source=_source(data.get("source", {})),
                also=tuple(_source(own) for own in data.get("also", ())),
                languages=tuple(data["languages"]),
                labels=tuple(data.get("labels", ())),
                scale=None if data.get("scale") is None else tuple(data["scale"]),
                sampling=None if sampling is None else Sampling(**sampling),
                hparams=Hparams(**data.get("hparams", {})),
                hparams_xtreme=None if xtreme is None else Hparams(**xtreme),
            )
        )


def _source(data: dict[str, Any]) -> Source:
    source = {"hub": "", "config": "", "splits": {}, "columns": {}} | data
    for name in ("labels", "drop_labels", "clean"):
        source[name] = tuple(source.get(name, ()))
    return Source(**source)
