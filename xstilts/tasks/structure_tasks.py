"""Syntax beyond the benchmark: the records of dependency parsing and supertagging."""

from xstilts.tasks.record import EXPORTED, Hparams, Source, Task

# Universal Dependencies v2; a parser's first label is the root's.
UNIVERSAL_RELATIONS = (
    "root", "acl", "advcl", "advmod", "amod", "appos", "aux", "case", "cc", "ccomp", "clf",
    "compound", "conj", "cop", "csubj", "dep", "det", "discourse", "dislocated", "expl", "fixed",
    "flat", "goeswith", "iobj", "list", "mark", "nmod", "nsubj", "nummod", "obj", "obl", "orphan",
    "parataxis", "punct", "reparandum", "vocative", "xcomp",
)  # fmt: skip
# One treebank per language of udpos; a study may name another (`ar_pud`).
_TREEBANKS = {
    "af": "af_afribooms", "ar": "ar_padt", "bg": "bg_btb", "de": "de_gsd", "el": "el_gdt",
    "en": "en_ewt", "es": "es_gsd", "et": "et_edt", "eu": "eu_bdt", "fa": "fa_seraji",
    "fi": "fi_tdt", "fr": "fr_gsd", "he": "he_htb", "hi": "hi_hdtb", "hu": "hu_szeged",
    "id": "id_gsd", "it": "it_isdt", "ja": "ja_gsd", "kk": "kk_ktb", "ko": "ko_gsd",
    "mr": "mr_ufal", "nl": "nl_alpino", "pt": "pt_gsd", "ru": "ru_gsd", "ta": "ta_ttb",
    "te": "te_mtg", "th": "th_pud", "tl": "tl_trg", "tr": "tr_imst", "ur": "ur_udtb",
    "vi": "vi_vtb", "yo": "yo_ytb", "zh": "zh_gsd",
}  # fmt: skip

STRUCTURE_TASKS = (
    Task(
        name="udparse",
        format="parsing",
        source=Source(
            hub="universal-dependencies/universal_dependencies",
            config="{lang}",
            splits={"train": "train", "dev": "validation", "test": "test"},
            columns={"id": "idx", "tokens": "tokens", "heads": "head", "relations": "deprel"},
            revision=EXPORTED,
            language_codes=_TREEBANKS,
            clean=("words_only", "universal_relations"),
            note="gold words and one treebank per language: not the CoNLL 2018 setting, which "
            "starts from raw text",
        ),
        languages=tuple(_TREEBANKS),
        metric="las",
        labels=UNIVERSAL_RELATIONS,
        # neither paper parses: rate and epochs of XTREME's tagging
        hparams=Hparams(learning_rate=2e-5, epochs=10, batch_size=32, max_length=256),
        licence="as its treebanks (CC BY-SA and CC BY-NC-SA, mostly)",
        reference="Nivre et al. 2020, Universal Dependencies v2, https://arxiv.org/abs/2004.10643",
    ),
    Task(
        name="ccg",
        format="tagging",
        source=Source(
            hub="LDC/LDC2005T13",
            config="default",
            splits={"train": "train", "dev": "dev", "test": "test"},
            columns={"tokens": "tokens", "tags": "tags"},
            files="ccg/ccg.{split}",
            note="sections 00-18, 19-21 and 22-24 of the WSJ, as jiant cuts CCGbank",
        ),
        languages=("en",),
        metric="tag_accuracy",
        # numbers as in jiant: which category has which stands in the licensed data
        labels=tuple(str(number) for number in range(1363)),
        hparams=Hparams(epochs=15, batch_size=24),
        licence="LDC User Agreement (CCGbank, LDC2005T13): your own copy",
        reference="Hockenmaier and Steedman 2007, CCGbank, https://aclanthology.org/J07-3004",
    ),
)
