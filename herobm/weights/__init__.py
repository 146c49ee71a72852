"""Weights files: safetensors with a JSON header."""
