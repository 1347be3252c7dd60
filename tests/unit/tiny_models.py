"""A tokenizer and models small enough to train within a test, and tasks to train them on."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig

from xstilts.models.body import new_body, save_body
from xstilts.models.heads import TaskModel
from xstilts.tasks.record import Hparams, Source, Task

_ANIMALS, _COLOURS = ["cat", "dog", "bird", "fish"], ["red", "green", "blue"]
_OTHERS = ["the", "sees", "likes", "big", "old", "not", "who", "what", "in", "house", "garden"]
WORDS = _ANIMALS + _COLOURS + _OTHERS
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
NOTHING = "\u00ad"  # a soft hyphen, which the normalizer removes: a word without sub-words


def tiny_tokenizer(max_length: int = 64) -> PreTrainedTokenizerFast:
    """XLM-R's conventions over whole words and single letters; letters outside are unknown."""
    letters = list("abcdefghijklmnopqrstuvwxyz.?")
    pieces = [*SPECIAL, "▁", *(f"▁{word}" for word in WORDS), *letters]
    scores = [0.0] * 5 + [-3.0] + [-1.0] * len(WORDS) + [-4.0] * len(letters)
    core = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=3))
    core.normalizer = normalizers.Replace(NOTHING, "")
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=max_length,
    )


def tiny_config(dropout: float = 0.0, width: int = 32, layers: int = 2) -> XLMRobertaConfig:
    return XLMRobertaConfig(
        vocab_size=len(tiny_tokenizer()),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.1,
    )


def tiny_model(*tasks: Task, seed: int = 0, **config: Any) -> TaskModel:
    torch.manual_seed(seed)
    return TaskModel(new_body(tiny_config(**config)), list(tasks), seed)


def tiny_backbone(folder: Path, seed: int = 0, **config: Any) -> Path:
    """A random body with its tokenizer, as the backbone phase writes one."""
    torch.manual_seed(seed)
    body = new_body(tiny_config(**config))
    save_body(folder, body.config, body.state_dict(), tiny_tokenizer())
    return folder


def a_task(name: str, format: str, metric: str = "accuracy", **fields: Any) -> Task:
    hparams = {"max_length": 48, "doc_stride": 8, "max_query_length": 12} | fields.pop(
        "hparams", {}
    )
    return Task(
        name=name,
        format=format,
        source=Source(hub="none/none", config="", splits={}, columns={}),
        languages=("en",),
        metric=metric,
        hparams=Hparams(**hparams),
        licence="none",
        reference="none",
        **fields,
    )


def pair_task(**hparams: Any) -> Task:
    return a_task("pairs", "classification", labels=("no", "yes"), hparams=hparams)


def tag_task(**hparams: Any) -> Task:
    labels = ("O", "B-LOC", "I-LOC")
    return a_task("tags", "tagging", "entity_f1", labels=labels, hparams=hparams)


def span_task(**hparams: Any) -> Task:
    return a_task("spans", "span_qa", "squad", hparams=hparams)


def choice_task(**hparams: Any) -> Task:
    return a_task("choices", "multiple_choice", choices=3, hparams=hparams)


def text_task(**hparams: Any) -> Task:
    return a_task("words", "mlm", "", hparams=hparams)


def assert_same_weights(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Equal but for rounding.

    Biases of keys are left out: softmax does not see them, so that their gradient is
    nothing but rounding, which Adam scales up to whole steps.
    """
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        if not name.endswith("key.bias"):
            torch.testing.assert_close(found[name], tensor, atol=2e-4, rtol=0, msg=name)
