"""The protocol of a peer: a process that times training steps when told to.

    --list              prints the names of its works, one a line, and ends
    --threads N         threads of PyTorch, 2 when not given

Without `--list` it reads requests from standard input and answers each with one line of JSON on standard output:

    work NAME STEPS  →  {"work": NAME, "steps": STEPS, "seconds": …}
    versions         →  {"torch": …, …}
    anything else    →  {"error": …}

A work warms up on its own before it is timed: at its first request for at least a second, later for a few steps, for
the driver lets peers take turns. The process ends when standard input does.
"""

import argparse
import json
import sys

import torch


def parse(description):
    """`--list` needs no work to exist yet, so the works are made after this."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the names of the works and end")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def serve(works, versions, options):
    """`works` maps a name to a function that makes the work; a work is a function from steps to seconds."""
    if options.list:
        print("\n".join(works))
        return
    made = {}
    for line in sys.stdin:
        words = line.split()
        try:
            if not words:
                continue
            if words == ["versions"]:
                answer = versions
            elif len(words) == 3 and words[0].lower() == "work" and words[1] in works and int(words[2]) > 0:
                name, steps = words[1], int(words[2])
                if name not in made:
                    made[name] = works[name]()
                answer = {"work": name, "steps": steps, "seconds": made[name](steps)}
            else:
                answer = {"error": f"not understood: {line.strip()}", "works": list(works)}
        except Exception as error:
            answer = {"error": f"{line.strip()}: {type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
