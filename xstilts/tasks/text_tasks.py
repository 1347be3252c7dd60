"""Running text: masked words of it are trained on beside other tasks, and never scored."""

from xstilts.tasks.record import Hparams, Sampling, Source, Task

# those of XTREME
_LANGUAGES = (
    "af", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi",
    "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru",
    "sw", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh",
)  # fmt: skip

TEXT_TASKS = (
    Task(
        name="wikipedia",
        format="mlm",
        source=Source(
            hub="wikimedia/wikipedia",
            config="20231101.{lang}",
            splits={"train": "train"},
            columns={"id": "id", "text": "text"},
            clean=("drop_empty",),
            note="the record was not tried on the hub; the dump of November 2023 from its first "
            "articles on, cut into sentences by rule, with numbers of articles as sizes of "
            "languages; Phang et al. 2020 took the dump of April 2020",
        ),
        languages=_LANGUAGES,
        metric="perplexity",
        sampling=Sampling(total=2_000_000, exponent=0.3),
        # Phang et al. 2020; the epochs of a mixture are those of its other tasks
        hparams=Hparams(batch_size=8),
        licence="CC BY-SA 3.0 and GFDL",
        reference="Wikimedia Foundation, https://dumps.wikimedia.org",
    ),
)
