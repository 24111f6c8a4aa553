"""The HTTP service: BentoML around `sentiline`; never imports `training` or TensorFlow."""
