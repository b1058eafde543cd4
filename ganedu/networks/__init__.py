"""Generators and discriminators, one file per architecture; import the file you need.

Taught in {ref}`ch-first-gan`.
"""
