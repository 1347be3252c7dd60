"""The vocabulary of a small model: its tokenizer, and vectors of its pieces from a corpus."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from xstilts.models.architecture import DECODER, ENCODER, ENCODER_DECODER

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # XLM-R's names and first ids
BOS, PAD, EOS, UNK, MASK = range(5)
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(16))  # of an encoder-decoder
_TEMPLATES = {
    ENCODER: ("<s> $A </s>", "<s> $A </s> </s> $B </s>"),
    DECODER: ("<s> $A </s>", "<s> $A </s> $B </s>"),
    ENCODER_DECODER: ("$A </s>", "$A </s> $B </s>"),
}


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, positions: int, architecture: str = ENCODER
) -> Any:
    """Byte-pair tokenizer with XLM-R's special tokens and the architecture's input layout.

    An encoder-decoder's has T5's sentinels, too. Only an encoder's says that it masks.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    core = Tokenizer(models.BPE(unk_token="<unk>"))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    sentinels = SENTINELS if architecture == ENCODER_DECODER else ()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[*SPECIAL, *sentinels], show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    core.post_processor = processors.TemplateProcessing(
        single=_TEMPLATES[architecture][0],
        pair=_TEMPLATES[architecture][1],
        special_tokens=[("<s>", BOS), ("</s>", EOS)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>" if architecture == ENCODER else None,
        model_max_length=positions,
        model_input_names=["input_ids", "attention_mask"],
    )


def packed_rows(tokenizer: Any, texts: list[str], length: int) -> np.ndarray:
    """All texts one after the other, cut into rows: int32 of shape (rows, `length`)."""
    encoded = tokenizer(texts, return_attention_mask=False)["input_ids"]
    stream = np.fromiter((piece for ids in encoded for piece in ids), dtype=np.int32)
    return stream[: len(stream) // length * length].reshape(-1, length)


def static_vectors(rows: np.ndarray, vocabulary: int, width: int, window: int) -> np.ndarray:
    """Left singular vectors of the positive PMI matrix, scaled by root singular values.

    Returns float64 of shape (`vocabulary`, `width`); pieces that do not occur get zeros.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import svds

    pairs = []
    for step in range(1, window + 1):
        left, right = rows[:, :-step].ravel(), rows[:, step:].ravel()
        words = (left > MASK) & (right > MASK)
        pairs += [(left[words], right[words]), (right[words], left[words])]
    i, j = (np.concatenate(side) for side in zip(*pairs, strict=True))
    counts = coo_matrix((np.ones(len(i)), (i, j)), shape=(vocabulary, vocabulary)).tocsr()
    totals = np.asarray(counts.sum(axis=1)).ravel()
    inverse = diags(1 / np.maximum(totals, 1))
    pmi = (inverse @ counts @ inverse * totals.sum()).tocsr()
    pmi.data = np.maximum(np.log(pmi.data), 0)
    start = np.random.default_rng(0).normal(size=vocabulary)
    vectors, scales, _ = svds(pmi, k=width, v0=start)
    return vectors * np.sqrt(scales)
