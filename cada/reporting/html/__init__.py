"""The report of a run: a chapter for each data set, and one self-contained page of them all.

Unlike every other result it says when, where and at what commit it was made, and how long the steps took.
"""
