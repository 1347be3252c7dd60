"""Retrieval by dual encoders: of answers (`dual_encoder`) and of entities (`entity_linking`)."""

from dataclasses import replace

from xstilts.tasks.record import Hparams, Source, Task

_COLUMNS = {
    **{"id": "id", "context": "context", "question": "question", "answers": "answers"},
    "sentence_breaks": "sentence_breaks",
}
# XTREME-R's script: 96 sub-words of a question, 256 of a candidate
_XTREME_R = Hparams(
    learning_rate=2e-5,
    epochs=3,
    batch_size=16,
    max_length=256,
    max_query_length=96,
    warmup=0.0,
    weight_decay=0.0,
)
# XTREME-R's script as far as it is known: 8 pairs on a GPU, gradients of four such batches
_MEWSLI_X = Hparams(
    learning_rate=1e-5, epochs=2, batch_size=32, max_length=64, warmup=0.0, weight_decay=0.0
)
# in a mirror: what get-mewsli-x.sh writes
_PUBLISHER = "github/google-research/google-research/mewsli-x/{}.jsonl"
# The hub's copy has a script, which is never run; its own Parquet copy has the columns. What
# public code reads from it are mention, entity, entity_id and description; example_id is the
# publisher's name and was not verified, nor that mentions are marked there as XTREME-R marks them.
_MENTIONS = Source(
    hub="izhx/mewsli-x",
    config="{lang}",
    splits={"test": "test"},
    columns={"id": "example_id", "mention": "mention", "entity": "entity_id"},
    revision="refs/convert/parquet",
    files=_PUBLISHER.format("wikinews_mentions-{split}"),
    candidates={
        "config": "candidate_entities",
        "files": _PUBLISHER.format("candidate_set_entities"),
        "splits": {"candidates": "test"},
        "columns": {"id": "entity_id", "description": "description"},
    },
    note="the release of May 2022, whose scores are not comparable with those of the paper; the "
    "columns of the hub's copy, a third party's, could not be verified",
)

ANSWER_TASKS = (
    Task(
        name="squad_retrieval",
        format="dual_encoder",
        source=Source(
            hub="rajpurkar/squad",
            config="plain_text",
            splits={"train": "train", "dev": "validation"},
            columns=_COLUMNS,
            clean=("find_answers", "cut_sentences"),
        ),
        languages=("en",),
        metric="map@20",
        hparams=_XTREME_R,
        hparams_xtreme=_XTREME_R,
        licence="CC BY-SA 4.0",
        reference="Rajpurkar et al. 2016, SQuAD, https://arxiv.org/abs/1606.05250",
    ),
    Task(
        name="lareqa",
        format="dual_encoder",
        source=Source(
            hub="google-research-datasets/xquad_r",
            config="{lang}",
            splits={"test": "validation"},
            columns=_COLUMNS,
            clean=("find_answers", "cut_sentences"),
            # the hub's copy does not say where sentences end; the publisher's JSON does
            files="github/google-research-datasets/lareqa/xquad-r/{lang}.json",
        ),
        languages=("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"),
        metric="map@20",
        train_from="squad_retrieval",
        group="retrieval",
        hparams=_XTREME_R,
        hparams_xtreme=_XTREME_R,
        licence="CC BY-SA 4.0",
        reference="Roy et al. 2020, LAReQA (XQuAD-R), https://arxiv.org/abs/2004.05484",
    ),
    Task(
        name="wikipedia_pairs",
        format="entity_linking",
        source=replace(
            _MENTIONS,
            config="wikipedia_pairs",
            splits={"train": "train", "dev": "validation"},
            columns=_MENTIONS.columns | {"description": "entity"},
            files=_PUBLISHER.format("wikipedia_pairs-{split}"),
            candidates={},
        ),
        languages=("en",),
        metric="map@20",
        hparams=_MEWSLI_X,
        hparams_xtreme=_MEWSLI_X,
        licence="CC BY-SA 3.0",
        reference="Ruder et al. 2021, XTREME-R (Mewsli-X), https://arxiv.org/abs/2104.07412",
    ),
    Task(
        name="mewslix",
        format="entity_linking",
        source=_MENTIONS,
        languages=("ar", "de", "en", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk"),
        metric="map@20",
        train_from="wikipedia_pairs",
        group="retrieval",
        hparams=_MEWSLI_X,
        hparams_xtreme=_MEWSLI_X,
        licence="CC BY 2.5 (WikiNews), CC BY-SA 3.0 (Wikipedia)",
        reference="Ruder et al. 2021, XTREME-R (Mewsli-X), https://arxiv.org/abs/2104.07412",
    ),
)
