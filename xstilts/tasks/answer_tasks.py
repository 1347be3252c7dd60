"""Answer retrieval: records of the format `dual_encoder`."""

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
)
