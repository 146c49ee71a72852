"""Amino acids and their chains: backbones, chi angles, and what is usual in crystal structures."""
