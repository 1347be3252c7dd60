"""Multiple choice: the records of everyday reasoning, in English and in many languages."""

from xstilts.tasks.record import EXPORTED, Hparams, Source, Task

# Ruder et al. 2021, scripts of google-research/xtreme: the same for SIQA and COPA.
_XTREME_R = Hparams(
    learning_rate=3e-5, epochs=5, batch_size=32, max_length=128, warmup=0.0, weight_decay=0.0
)

_XCOPA_LANGUAGES = ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh")
_XCSQA_LANGUAGES = (
    "ar", "de", "en", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "ru", "sw", "ur", "vi", "zh",
)  # fmt: skip
_XSTORY_LANGUAGES = ("ar", "en", "es", "eu", "hi", "id", "my", "ru", "sw", "te", "zh")

# `question` holds the word cause or effect; the prompt is English in every language, as official
_CAUSE_OR_EFFECT = {
    "id": "idx",
    "prompt": "{premise} What was the {question}?",
    "choices": "choice1 | choice2",
    "label": "label",
}

CHOICE_TASKS = (
    Task(
        name="cosmos_qa",
        format="multiple_choice",
        source=Source(
            hub="allenai/cosmos_qa",
            config="default",
            splits={"train": "train", "dev": "validation"},
            columns={
                "id": "id",
                "prompt": "{context} {question}",
                "choices": "answer0 | answer1 | answer2 | answer3",
                "label": "label",
            },
            revision=EXPORTED,
        ),
        languages=("en",),
        metric="accuracy",
        choices=4,
        hparams=Hparams(epochs=15, batch_size=4),
        licence="CC BY 4.0",
        reference="Huang et al. 2019, Cosmos QA, https://arxiv.org/abs/1909.00277",
    ),
    Task(
        name="siqa",
        format="multiple_choice",
        source=Source(
            hub="lighteval/siqa",
            config="default",
            splits={"train": "train", "dev": "validation"},
            columns={
                "prompt": "{context} {question}",
                "choices": "answerA | answerB | answerC",
                "label": "label",
            },
            labels=("1", "2", "3"),
        ),
        languages=("en",),
        metric="accuracy",
        choices=3,
        hparams=_XTREME_R,
        licence="none stated",
        reference="Sap et al. 2019, Social IQa, https://arxiv.org/abs/1904.09728",
    ),
    Task(
        name="copa",
        format="multiple_choice",
        source=Source(
            hub="aps/super_glue",
            config="copa",
            splits={"train": "train", "dev": "validation"},  # test labels are -1 there
            columns=_CAUSE_OR_EFFECT,
        ),
        languages=("en",),
        metric="accuracy",
        choices=2,
        hparams=_XTREME_R,
        licence="BSD 2-Clause",
        reference="Roemmele et al. 2011, COPA, in SuperGLUE, https://arxiv.org/abs/1905.00537",
    ),
    Task(
        name="xcopa",
        format="multiple_choice",
        source=Source(
            hub="cambridgeltl/xcopa",
            config="{lang}",
            splits={"dev": "validation", "test": "test"},
            columns=_CAUSE_OR_EFFECT,
            note="as a task of XTREME-R it is trained on SIQA, then on COPA, with one head; "
            "elsewhere on COPA alone",
        ),
        languages=_XCOPA_LANGUAGES,
        metric="accuracy",
        choices=2,
        train_from="copa",
        group="classification",
        hparams=_XTREME_R,
        hparams_xtreme=_XTREME_R,
        licence="CC BY 4.0",
        reference="Ponti et al. 2020, XCOPA, https://arxiv.org/abs/2005.00333",
    ),
    Task(
        name="x_csqa",
        format="multiple_choice",
        source=Source(
            hub="INK-USC/xcsr",
            config="X-CSQA-{lang}",
            # test labels are hidden, and its English training rows are not on the hub; those
            # of CommonsenseQA hold the questions of this set (it is a new split of them)
            splits={
                "train": "validation[:50%]",
                "dev": "validation[50%:60%]",
                "test": "validation[60%:]",
            },
            columns={
                "id": "id",
                "prompt": "question.stem",
                "choices": "question.choices.text",
                "label": "answerKey",
            },
            language_codes={code: code for code in _XCSQA_LANGUAGES} | {"ja": "jap"},
            clean=("drop_empty",),  # some German rows lack the text of a choice
            labels=("A", "B", "C", "D", "E"),
            note="trained and tested on slices of the labelled dev set: not comparable with "
            "published scores; after commonsense_qa as intermediate task its test questions "
            "were seen in training",
        ),
        languages=_XCSQA_LANGUAGES,
        metric="accuracy",
        choices=5,
        hparams=Hparams(epochs=10, batch_size=4),
        licence="MIT",
        reference="Lin et al. 2021, X-CSR, https://arxiv.org/abs/2106.06937",
    ),
    Task(
        name="xstory_cloze",
        format="multiple_choice",
        source=Source(
            hub="juletxara/xstory_cloze",
            config="{lang}",
            splits={"train": "train[:90%]", "dev": "train[90%:]", "test": "eval"},
            columns={
                "id": "story_id",
                "prompt": "{input_sentence_1} {input_sentence_2} {input_sentence_3} "
                "{input_sentence_4}",
                "choices": "sentence_quiz1 | sentence_quiz2",
                "label": "{answer_right_ending}",
            },
            revision=EXPORTED,
            labels=("1", "2"),
            note="trained on 324 stories, selected on 36; the hub's Parquet copy was not tried",
        ),
        languages=_XSTORY_LANGUAGES,
        metric="accuracy",
        choices=2,
        hparams=_XTREME_R,
        licence="CC BY-SA 4.0",
        reference="Lin et al. 2022, XStoryCloze, https://arxiv.org/abs/2112.10668",
    ),
)
