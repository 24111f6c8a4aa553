"""Writing a bundle: files, manifest, model card, recorded metrics."""
