"""How well models do on labelled reviews of the user's own: files in, figures and worst errors out; no command line."""
