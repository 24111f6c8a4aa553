"""The HTTP API: routes, and each request format as values: native, Hugging Face, Open Inference Protocol."""
