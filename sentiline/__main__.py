"""Makes `python -m sentiline` the same as the command `sentiline`."""

from sentiline.cli.main import main

main()
