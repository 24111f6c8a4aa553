"""`python -m sentiline` is the command `sentiline`."""

from sentiline.cli.main import main

main()
