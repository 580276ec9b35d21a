"""What a step depends on besides data, as one small file: the values that it reads, resolved, and a fingerprint of its code.

Snakemake and DVC depend on these files instead of on parameter files and code, and a step reads its parameters from its recipe
alone. A comment, a docstring, another way of writing a number change no recipe; a value changes those of the steps that read it.
"""

from cada.recipes.files import Identity, identity, put, recorded, take, texts, write
from cada.recipes.places import Recipe, of_dataset, of_report, of_variant, recipes_of
