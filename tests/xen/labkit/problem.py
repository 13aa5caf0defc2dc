# SPDX-License-Identifier: LGPL-2.1-or-later
"""Problem: why the lab cannot go on, as one line for a person, with the cure."""

PASS, FAIL, USAGE, SKIP = 0, 1, 2, 77


class Problem(Exception):
    """Something of ours is wrong: the lab fails."""


class Unavailable(Problem):
    """Something that the lab needs cannot be had here and now: for a person a skip."""
