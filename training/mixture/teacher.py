"""A pre-trained transformer, fine-tuned on a mixture, that labels short texts.

It needs the extra `teacher` (PyTorch and transformers) and the folder of a BERT-like encoder. Nothing of it is served.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import AutoModel, AutoTokenizer

from training.mixture.config import MixtureConfig
from training.mixture.sets import LabelledText

# Longer texts are cut to this many word pieces.
MAX_PIECES = 96
_BATCH_TOKENS, _BATCH_TEXTS = 2048, 96
_LEARNING_RATE, _HEAD_RATE, _WARM_UP, _LABEL_SMOOTHING = 1e-4, 1e-3, 0.06, 0.01

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_MENTION = re.compile(r"(?<!\w)@\w+")
_EMOJI = re.compile("[\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")


def simplify(text: str) -> str:
    """Return a text whose addresses and mentions are classes and whose emoji are their Unicode names.

    The vocabulary of an uncased BERT has no emoji; their names are words that it knows.
    """
    text = _MENTION.sub("@user", _ADDRESS.sub("http", text))
    return _EMOJI.sub(lambda match: f" {unicodedata.name(match[0], 'symbol').lower()} ", text)


class Teacher(torch.nn.Module):
    """The encoder, mean pooling over its word pieces, and one linear layer."""

    def __init__(self, encoder: Path) -> None:
        """Load a pre-trained encoder.

        Args:
            encoder: A folder with the weights, configuration and tokenizer of an encoder.
        """
        super().__init__()
        self.body = AutoModel.from_pretrained(encoder, attn_implementation="sdpa")
        self.drop = torch.nn.Dropout(0.1)
        self.head = torch.nn.Linear(self.body.config.hidden_size, 1)
        self.tokenizer = AutoTokenizer.from_pretrained(encoder)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logits, [B], of word piece ids, int64 [B, T], and their mask, int64 [B, T]."""
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask[..., None].to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1)
        logits: torch.Tensor = self.head(self.drop(pooled.float()))[:, 0]
        return logits

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Return the word pieces of each text, at most `MAX_PIECES`."""
        found: list[NDArray[np.int64]] = []
        for start in range(0, len(texts), 5000):
            chunk = [simplify(text) for text in texts[start : start + 5000]]
            pieces = self.tokenizer(chunk, truncation=True, max_length=MAX_PIECES)["input_ids"]
            found += [np.array(one, np.int64) for one in pieces]
        return found

    def logits(self, texts: Sequence[str], advance: Callable[[int], None] = lambda _: None) -> NDArray[np.float32]:
        """Label texts.

        Args:
            texts: Raw texts.
            advance: A function that is called with the number of texts of each finished batch.

        Returns:
            Their logits, float32 [len(texts)].
        """
        self.eval()
        pieces = self.encode(texts)
        found = np.empty(len(texts), np.float32)
        order = np.argsort([len(one) for one in pieces], kind="stable")
        for batch in _by_tokens(order, pieces):
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                found[batch] = self(*_pad([pieces[index] for index in batch])).float().numpy()
            advance(len(batch))
        return found


def fine_tune(
    encoder: Path,
    rows: Sequence[LabelledText],
    config: MixtureConfig,
    checkpoint: Path,
    *,
    checkpoint_seconds: float = 240.0,
    progress: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> Teacher:
    """Fine-tune an encoder on the labels of a mixture in one epoch; neutral texts have the target 0.5.

    Args:
        encoder: The folder of the pre-trained encoder.
        rows: The training texts.
        config: The mixture, which says how often a text is seen.
        checkpoint: The file from which an interrupted call continues, and where the finished weights are left.
        checkpoint_seconds: The maximum time between two checkpoints.
        progress: A function that is called with the step, the number of steps and the loss.
    """
    torch.manual_seed(config.seed)
    model = Teacher(encoder)
    repeated = [row for row in rows for _ in range(config.sets[row.source].repeat)]
    pieces = model.encode([row.text for row in repeated])
    targets = np.clip([row.target for row in repeated], _LABEL_SMOOTHING, 1 - _LABEL_SMOOTHING).astype(np.float32)
    plan = _shuffled_batches(pieces, np.random.default_rng(config.seed))
    head = set(model.head.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [weights for weights in model.parameters() if weights not in head]},
        {"params": list(head), "lr": _HEAD_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, lr=_LEARNING_RATE, weight_decay=0.01, fused=True)
    warm_up = max(1, int(_WARM_UP * len(plan)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm_up, max(0.01, (len(plan) - step) / len(plan)))
    )
    first = _restore(checkpoint, model, optimizer, schedule)
    saved = time.monotonic()
    model.train()
    for step in range(first, len(plan)):
        batch = plan[step]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(*_pad([pieces[index] for index in batch]))
        loss = binary_cross_entropy_with_logits(logits, torch.from_numpy(targets[batch]))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress(step + 1, len(plan), float(loss))
        if step + 1 == len(plan) or time.monotonic() - saved > checkpoint_seconds:
            _save(checkpoint, model, optimizer, schedule, step + 1)
            saved = time.monotonic()
    return model


def _restore(path: Path, model: Teacher, optimizer: Any, schedule: Any) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return int(state["step"])


def _save(path: Path, model: Teacher, optimizer: Any, schedule: Any, step: int) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "step": step,
    }
    draft = path.with_name(path.name + ".new")
    torch.save(state, draft)
    draft.replace(path)


def _shuffled_batches(pieces: Sequence[NDArray[np.int64]], generator: np.random.Generator) -> list[NDArray[np.intp]]:
    """Return batches of texts of similar length in random order, each with about `_BATCH_TOKENS` word pieces."""
    jittered = np.array([len(one) for one in pieces]) * generator.uniform(0.9, 1.1, len(pieces))
    batches = list(_by_tokens(np.argsort(jittered, kind="stable"), pieces))
    return [batches[index] for index in generator.permutation(len(batches))]


def _by_tokens(order: NDArray[np.intp], pieces: Sequence[NDArray[np.int64]]) -> Iterator[NDArray[np.intp]]:
    start = 0
    while start < len(order):
        end, longest = start + 1, len(pieces[order[start]])
        while end < len(order) and end - start < _BATCH_TEXTS:
            longest = max(longest, len(pieces[order[end]]))
            if (end - start + 1) * longest > _BATCH_TOKENS:
                break
            end += 1
        yield order[start:end]
        start = end


def _pad(sequences: Sequence[NDArray[np.int64]]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = np.zeros((len(sequences), max(map(len, sequences))), np.int64)
    mask = np.zeros_like(ids)
    for row, one in enumerate(sequences):
        ids[row, : len(one)] = one
        mask[row, : len(one)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
