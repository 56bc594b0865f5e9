"""AdamW as a few operations for each variable."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from trainer.settings import TrainSettings


@keras.saving.register_keras_serializable("galmorph")
class FusedAdamW(keras.optimizers.AdamW):
    """AdamW of Keras (Loshchilov & Hutter 2019, arXiv:1711.05101) with TensorFlow's operation for an update.

    Keras computes the learning rate and the bias corrections anew for each variable, and writes the update in
    elementary operations: 55 for each variable, more than the network itself. Tracing them took over half of
    the time before the first step. Here what is common is computed once, and the update of a variable is one
    operation. State and results are those of Keras, except for rounding. Not for sparse gradients, Nesterov's
    or AMSGrad's variants.
    """

    def _clip_gradients(self, grads: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        if self.global_clipnorm is None:
            return super()._clip_gradients(grads)
        norm = tf.sqrt(2.0 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in grads]))
        scale = self.global_clipnorm / tf.maximum(norm, self.global_clipnorm)
        return [gradient * scale for gradient in grads]

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        if self.weight_decay is None:
            return
        decayed = [variable.value for variable in variables if self._use_weight_decay(variable)]
        if not decayed:
            return
        share = tf.cast(self.learning_rate, tf.float32) * self.weight_decay

        def shrink(variable: tf.Variable, share: tf.Tensor) -> None:
            variable.assign_sub(variable * share, read_value=False)

        def shrink_all(distribution: tf.distribute.Strategy, share: tf.Tensor) -> None:
            for variable in decayed:
                distribution.extended.update(variable, shrink, args=(share,), group=False)

        merge = tf.__internal__.distribute.interim.maybe_merge_call
        merge(shrink_all, self._distribution_strategy, share)

    def _backend_update_step(
        self,
        grads: Sequence[tf.Tensor],
        trainable_variables: Sequence[keras.Variable],
        learning_rate: tf.Tensor,
    ) -> None:
        step = tf.cast(self.iterations + 1, tf.float32)
        common = (tf.cast(learning_rate, tf.float32), self.beta_1**step, self.beta_2**step)
        super()._backend_update_step(grads, trainable_variables, common)

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, common: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    ) -> None:
        """Update a variable.

        Parameters
        ----------
        gradient : Tensor
        variable : tf.Variable
        common : tuple of Tensor
            Learning rate, and the powers of both betas.
        """
        learning_rate, beta_1_power, beta_2_power = common
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=_local(self._momentums[index]).handle,
            v=_local(self._velocities[index]).handle,
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def _local(variable: keras.Variable) -> tf.Variable:
    """Return this processor's copy of a variable."""
    value = variable.value
    return value._get() if hasattr(value, "_get") and hasattr(value, "values") else value


def adamw(peak: float, steps: int, settings: TrainSettings) -> FusedAdamW:
    """Return AdamW with a linear warm-up and a cosine decay to zero.

    Parameters
    ----------
    peak : float
        Highest learning rate.
    steps : int
        Steps in the whole training.
    settings : TrainSettings
        `warm_up` and `weight_decay` are used. Biases and batch norms are not decayed.
    """
    warm_up = round(settings.warm_up * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warm_up else peak,
        decay_steps=max(1, steps - warm_up),
        warmup_target=peak if warm_up else None,
        warmup_steps=warm_up,
    )
    optimizer = FusedAdamW(schedule, weight_decay=settings.weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
