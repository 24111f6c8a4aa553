"""The unsupervised and auxiliary losses of a training step, and the perturbations that they use.

Shapes: B reviews, S splices, T timesteps (right-padded), E word vector width.
"""

from __future__ import annotations

import keras
from keras import ops

from training.nn.backend import differentiate
from training.nn.heads import Tensor, time_mask
from training.nn.model import SentimentModel

_XI = 0.1
# The bound on n / m, so that single words of long texts do not dominate the gradient of the span loss.
_LARGEST_FACTOR = 10.0
# The weight of the scores in the span loss.
_SCORES = 0.3


def unlabelled_gradients(model: SentimentModel, ids: Tensor, lengths: Tensor) -> list[Tensor]:
    """Compute the gradients of the virtual adversarial loss plus the entropy for each trainable variable:

        KL(p(x) ‖ p(x + r)) + λ H(p(x)),   r = ε · g / ‖g‖₂,   g = ∇_d KL(p(x) ‖ p(x + ξ d))

    with a random unit direction d, one power iteration and no gradient through the first p (Miyato et al. 2017; the
    entropy: Sachan et al. 2019).
    """  # noqa: D415
    config, variables = model.config, model.trainable_variables
    masks = model.draw_masks(ids)

    def logits(noise: Tensor | float) -> Tensor:
        states = model.states(model.embedding(masks.ids) * masks.vectors + noise, lengths, masks)
        return model.head.logit(states, lengths, masks.pooled if config.state_dropout else None)

    def entropy_loss() -> tuple[Tensor, Tensor]:
        clean = logits(0.0)
        return config.entropy * ops.mean(binary_entropy(clean)), clean

    (_, clean), _, gradients = differentiate(entropy_loss, [], variables)
    if not config.virtual:
        return gradients
    predicted = ops.stop_gradient(ops.sigmoid(clean))

    def divergence(noise: Tensor) -> Tensor:
        return cross_entropy(predicted, logits(noise))

    drawn = keras.random.normal((*ops.shape(ids), config.embedding), seed=model.random)
    probe = adversarial_noise(drawn * time_mask(drawn, lengths)[..., None], _XI)
    _, (direction,), _ = differentiate(lambda noise: (ops.sum(divergence(noise)),), [probe], [])
    noise = adversarial_noise(direction, config.virtual)
    _, _, adversarial = differentiate(lambda: (ops.mean(divergence(noise)),), [], variables)
    return [one + other for one, other in zip(gradients, adversarial, strict=True)]


def splice_gradients(model: SentimentModel, ids: Tensor, lengths: Tensor, targets: Tensor) -> list[Tensor]:
    """Compute the gradients of the splice loss, which trains the scores to show where the sentiment of a text changes:

        λ · mean over all tokens of the cross-entropy of scores_t and the target of the review that token t is from

    Args:
        model: A model whose head has `timestep_logits`.
        ids: int32 [S, T], each row two pieces of reviews joined.
        lengths: int32 [S].
        targets: float32 [S, T], target probabilities.
    """  # noqa: D415
    masks = model.draw_masks(ids)

    def loss() -> tuple[Tensor]:
        states = model.states(model.embedding(masks.ids) * masks.vectors, lengths, masks)
        mask = time_mask(states, lengths)
        losses = cross_entropy(targets, model.head.timestep_logits(states))
        return (model.config.splices * ops.sum(losses * mask) / ops.sum(mask),)

    return differentiate(loss, [], model.trainable_variables)[2]


def span_gradients(
    model: SentimentModel, ids: Tensor, lengths: Tensor, starts: Tensor, ends: Tensor, targets: Tensor, tokens: Tensor
) -> list[Tensor]:
    """Compute the gradients of the span loss, which trains the contributions inside a part of a text to have its sign:

        λ · mean over all spans of the cross-entropy of the target and z = (n / m) Σ_{t in span} contribution_t

    with n tokens in the text and m in the span. The factor makes z comparable with the logit of a text less its bias:
    it is one for a span that is the whole text. A neutral span is trained towards z = 0. The scores at the tokens are
    trained with the targets of the spans around them, with a smaller weight.

    Args:
        model: A model whose head is additive.
        ids: int32 [S, T].
        lengths: int32 [S].
        starts: int32 [S, K], the first token of each span.
        ends: int32 [S, K], the token after its last one; a span without a token is left out.
        targets: float32 [S, K], target probabilities.
        tokens: float32 [S, T], the target of each token's score.
    """  # noqa: D415
    masks = model.draw_masks(ids)

    def loss() -> tuple[Tensor]:
        states = model.states(model.embedding(masks.ids) * masks.vectors, lengths, masks)
        contributions = model.head.outputs(states, lengths)["contributions"]
        before = ops.pad(ops.cumsum(contributions, axis=1), ((0, 0), (1, 0)))  # [S, T + 1]
        sums = ops.take_along_axis(before, ends, axis=1) - ops.take_along_axis(before, starts, axis=1)
        sizes = ops.cast(ends - starts, "float32")
        factor = ops.minimum(ops.cast(lengths, "float32")[:, None] / ops.maximum(sizes, 1.0), _LARGEST_FACTOR)
        counted = ops.cast(sizes > 0, "float32")
        losses = cross_entropy(targets, factor * sums) * counted
        mask = time_mask(states, lengths)
        of_scores = cross_entropy(tokens, model.head.timestep_logits(states)) * mask
        of_spans = ops.sum(losses) / ops.maximum(ops.sum(counted), 1.0)
        return (model.config.spans * (of_spans + _SCORES * ops.sum(of_scores) / ops.sum(mask)),)

    return differentiate(loss, [], model.trainable_variables)[2]


def cross_entropy(targets: Tensor, logits: Tensor) -> Tensor:
    """Return the binary cross-entropy of each logit and its target probability in nats; the shape is kept."""
    return ops.binary_crossentropy(targets, logits, from_logits=True)


def adversarial_noise(gradient: Tensor, norm: float) -> Tensor:
    """Scale the gradient of the loss to the given norm (Goodfellow et al. 2015; Miyato et al. 2017):

        r = ε · g / ‖g‖₂, with the norm over all timesteps of a review.

    Args:
        gradient: [B, T, E], the gradient of the loss with respect to the word vectors.
        norm: ε.
    """  # noqa: D415
    length = ops.sqrt(ops.sum(ops.square(gradient), axis=(1, 2), keepdims=True))
    return ops.stop_gradient(norm * gradient / (length + 1e-12))


def binary_entropy(logits: Tensor) -> Tensor:
    """Return the entropy of Bernoulli predictions in nats: H(σ(z)) = softplus(z) − z σ(z)."""
    return ops.softplus(logits) - logits * ops.sigmoid(logits)
