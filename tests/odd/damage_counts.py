"""How many damaged files were looked at in this process, and how that ended."""

from collections import Counter

COUNTS: Counter[str] = Counter()
