"""CADA: cross-modal adaptive dual association for text-to-image person retrieval."""
