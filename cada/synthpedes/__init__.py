"""SynthPEDES: pedestrians drawn by code from a seed, captions from a grammar; no real person anywhere."""
