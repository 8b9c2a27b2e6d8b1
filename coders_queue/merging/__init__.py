"""Merging what several sessions came to: parts in, one typed result out. Pure.

What needs a machine (a check command's score, git) is carried out in :mod:`coders_workers.merging`;
here are its options too, so that a request is checked before anything runs.
"""
