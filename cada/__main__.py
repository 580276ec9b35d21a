"""`python -m cada` is `cada`: torchrun starts modules."""

from cada.cli import main

main()
