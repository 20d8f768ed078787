# SPDX-License-Identifier: GPL-2.0
"""Each line of standard input is a JSON object with a kind; no member comes twice."""
import json
import sys


def object_of(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice: " + ", ".join(name for name, _ in pairs))
    return members


for line in sys.stdin:
    if "kind" not in json.loads(line, object_pairs_hook=object_of):
        sys.exit("no kind: " + line)
