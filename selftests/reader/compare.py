#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Do two readers say the same of a journal?

Each file has the lines of one. Where recovery would refuse, both have to refuse, after the
same records, for the same class of reasons, in words of their own. A copy of the superblock that is
not good need not be mentioned, nor the batch that holds what is wrong; where nothing was read
behind the superblocks, that both refuse is enough.

Usage: compare.py FILE FILE
"""

import json
import sys


def load(path):
    found = []
    with open(path, encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            if line["kind"] == "superblock" and not line["good"]:
                continue
            if line["kind"] == "fault":
                if found and found[-1]["kind"] == "batch":
                    found.pop()
                line = {"kind": "fault", "code": line["code"]}
                if all(before["kind"] == "superblock" for before in found):
                    return [{"kind": "fault"}]
            found.append(line)
    return found


def main():
    one, other = load(sys.argv[1]), load(sys.argv[2])
    for n, (a, b) in enumerate(zip(one, other)):
        if a != b:
            print(f"line {n} differs:\n{a}\n{b}")
            return 1
    if len(one) != len(other):
        print(f"{len(one)} lines and {len(other)}")
        return 1
    if not one:
        print("nothing was said")
        return 1
    print(len(one), sum(line["kind"] == "record" for line in one), one[-1]["kind"])
    return 0


sys.exit(main())
