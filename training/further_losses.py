"""Losses of a training step beyond that of the labelled batch, and the perturbations they use.

Shapes: B reviews, S splices, T timesteps (right-padded), E word vector width.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from training.heads import Tensor
from training.model import SentimentModel

_XI = 0.1


def unlabelled_gradients(model: SentimentModel, ids: Tensor, lengths: Tensor) -> list[Tensor]:
    """Gradients, by the trainable variables, of the virtual adversarial loss and the entropy:

        KL(p(x) ‖ p(x + r)) + λ H(p(x)),   r = ε · g / ‖g‖₂,   g = ∇_d KL(p(x) ‖ p(x + ξ d))

    with a random unit direction d, one power iteration and no gradient through the first p (Miyato et al. 2017;
    the entropy: Sachan et al. 2019).
    """  # noqa: D415
    config = model.config
    masks = model.draw_masks(ids)
    variables = [variable.value for variable in model.trainable_variables]

    def logits(vectors: Tensor) -> Tensor:
        states = model.states(vectors, lengths, masks.between)
        return model.head.logit(states, lengths, masks.pooled if config.state_dropout else None)

    with tf.GradientTape() as tape:
        clean = logits(model.embedding(masks.ids) * masks.vectors)
        loss = config.entropy * tf.reduce_mean(binary_entropy(clean))
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
    if not config.virtual:
        return gradients
    believed = tf.stop_gradient(tf.sigmoid(clean))
    shape = tf.shape(ids)
    drawn = keras.random.normal((shape[0], shape[1], config.embedding), seed=model.random)
    drawn *= tf.sequence_mask(lengths, shape[1], dtype=drawn.dtype)[:, :, None]
    probe = adversarial_noise(drawn, _XI)
    with tf.GradientTape() as tape:
        tape.watch(probe)
        divergence = tf.reduce_sum(
            tf.nn.sigmoid_cross_entropy_with_logits(
                believed, logits(tf.stop_gradient(model.embedding(masks.ids) * masks.vectors) + probe)
            )
        )
    noise = adversarial_noise(tape.gradient(divergence, probe), config.virtual)
    with tf.GradientTape() as tape:
        perturbed = logits(model.embedding(masks.ids) * masks.vectors + noise)
        divergence = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(believed, perturbed))
    found = tape.gradient(divergence, variables)
    return [entropy + tf.convert_to_tensor(other) for entropy, other in zip(gradients, found, strict=True)]


def splice_gradients(model: SentimentModel, ids: Tensor, lengths: Tensor, targets: Tensor) -> list[Tensor]:
    """Gradients, by the trainable variables, of how ill the timesteps tell where the sentiment of a splice changes:

        λ · mean over all tokens of the cross-entropy of scores_t against the target of the review that t is from

    Args:
        model: with a head whose reading at a timestep is a layer on its state.
        ids: int32 [S, T], two pieces of reviews in a row.
        lengths: int32 [S].
        targets: float32 [S, T], probabilities.
    """  # noqa: D415
    masks = model.draw_masks(ids)
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        states = model.states(model.embedding(masks.ids) * masks.vectors, lengths, masks.between)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, model.head.timestep_logits(states))
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1], dtype=losses.dtype)
        loss = model.config.splices * tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)
    gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def adversarial_noise(gradient: Tensor, norm: float) -> Tensor:
    """The perturbation of given norm along the loss gradient (Goodfellow et al. 2015; Miyato et al. 2017):

        r = ε · g / ‖g‖₂, over all timesteps of a review.

    Args:
        gradient: [B, T, E] of the loss by the word vectors.
        norm: ε.
    """  # noqa: D415
    length = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=[1, 2], keepdims=True))
    return tf.stop_gradient(norm * gradient / (length + 1e-12))


def binary_entropy(logits: Tensor) -> Tensor:
    """Entropy of Bernoulli predictions, nats: H(σ(z)) = softplus(z) − z σ(z)."""
    return tf.nn.softplus(logits) - logits * tf.sigmoid(logits)
