"""Language models of ``transformers`` in small configurations, random weights: tokens to states."""

from collections.abc import Callable
from typing import Any

import torch
import transformers as tf
from torch import Tensor, nn

SEQUENCE, VOCABULARY, WIDTH = 24, 96, 32


class States(nn.Module):
    """A model's last hidden states, its encoder's if it has one: int64 [1, S] -> [1, S, E]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model(tokens, use_cache=False, return_dict=False)[0]  # type: ignore[no-any-return]


class Encoder(States):
    """A model without a cache: int64 [1, S] -> [1, S, E] or [1, classes]."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model(tokens, return_dict=False)[0]  # type: ignore[no-any-return]


class Positioned(States):
    """RoBERTa's kind, positions given, since they are counted from the tokens otherwise."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.register_buffer("positions", torch.arange(2, SEQUENCE + 2)[None])

    def forward(self, tokens: Tensor) -> Tensor:
        made = self.model(tokens, position_ids=self.positions, return_dict=False)
        return made[0]  # type: ignore[no-any-return]


_ENCODER: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
}
_DECODER: dict[str, Any] = _ENCODER | {"num_key_value_heads": 2}


def _encoder(name: str, wrap: Callable[[nn.Module], nn.Module] = Encoder, **more: Any) -> nn.Module:
    config = getattr(tf, f"{name}Config")(**(_ENCODER | more))
    return wrap(getattr(tf, f"{name}Model")(config))


def _decoder(name: str, **more: Any) -> nn.Module:
    config = getattr(tf, f"{name}Config")(**(_DECODER | more))
    return States(getattr(tf, f"{name}Model")(config))


def _gpt2() -> nn.Module:
    config = tf.GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=40)
    return States(tf.GPT2Model(config))


def _t5() -> nn.Module:
    config = tf.T5Config(
        vocab_size=VOCABULARY, d_model=WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4
    )
    return Encoder(tf.T5EncoderModel(config))


def _distilbert() -> nn.Module:
    config = tf.DistilBertConfig(
        vocab_size=VOCABULARY,
        dim=WIDTH,
        hidden_dim=64,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=40,
    )
    return Encoder(tf.DistilBertModel(config))


def _classifier() -> nn.Module:
    config = tf.BertConfig(**_ENCODER)
    return Encoder(tf.BertForSequenceClassification(config))


TEXT: dict[str, Callable[[], nn.Module]] = {
    "bert": lambda: _encoder("Bert"),
    "bert-classifier": _classifier,
    "bert-long": lambda: _encoder("Bert", max_position_embeddings=128),
    "albert": lambda: _encoder("Albert", embedding_size=16),
    "electra": lambda: _encoder("Electra", embedding_size=16),
    "roberta": lambda: _encoder("Roberta", Positioned, pad_token_id=1),
    "xlm-roberta": lambda: _encoder("XLMRoberta", Positioned, pad_token_id=1),
    "camembert": lambda: _encoder("Camembert", Positioned, pad_token_id=1),
    "deberta": lambda: _encoder("Deberta", relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "deberta-v2": lambda: _encoder(
        "DebertaV2", relative_attention=True, pos_att_type=["c2p", "p2c"]
    ),
    "fnet": lambda: _encoder("FNet"),
    "mobilebert": lambda: _encoder(
        "MobileBert",
        embedding_size=16,
        intra_bottleneck_size=16,
        true_hidden_size=16,
    ),
    "squeezebert": lambda: _encoder("SqueezeBert", embedding_size=WIDTH),
    "distilbert": _distilbert,
    "mpnet": lambda: _encoder("MPNet", Positioned),
    "convbert": lambda: _encoder("ConvBert", embedding_size=16),
    "roformer": lambda: _encoder("RoFormer", embedding_size=16),
    "layoutlm-text": lambda: _encoder("Ernie"),
    "megatron-bert": lambda: _encoder("MegatronBert"),
    "modernbert": lambda: _encoder(
        "ModernBert", pad_token_id=0, eos_token_id=2, bos_token_id=1, cls_token_id=1, sep_token_id=2
    ),
    "nystromformer": lambda: _encoder(
        "Nystromformer", num_landmarks=SEQUENCE, segment_means_seq_len=SEQUENCE
    ),
    "t5-encoder": _t5,
    "gpt2": _gpt2,
    "gpt-neox": lambda: _encoder("GPTNeoX", States),
    "opt": lambda: _encoder(
        "OPT",
        States,
        ffn_dim=64,
        word_embed_proj_dim=WIDTH,
    ),
    "llama": lambda: _decoder("Llama"),
    "mistral": lambda: _decoder("Mistral"),
    "qwen2": lambda: _decoder("Qwen2"),
    "qwen3": lambda: _decoder("Qwen3", head_dim=8),
    "gemma": lambda: _decoder("Gemma", head_dim=8),
    "phi": lambda: _decoder("Phi"),
    "stablelm": lambda: _decoder("StableLm"),
    "olmo2": lambda: _decoder("Olmo2"),
    "smollm3": lambda: _decoder("SmolLM3", pad_token_id=0),
    "bloom": lambda: States(
        tf.BloomModel(tf.BloomConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, n_layer=2, n_head=4))
    ),
}
