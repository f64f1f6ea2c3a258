"""What the worked examples share: the programs, the data, and a client of the server. Python's own library alone."""

import contextlib
import http.client
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = pathlib.Path(os.environ.get("PERENNIAL_PROGRAMS", ROOT / ".build/release"))


def data(name):
    """A data set's folder below PERENNIAL_DATA, or below `data`."""
    folder = pathlib.Path(os.environ.get("PERENNIAL_DATA", "data")) / name
    if not folder.exists():
        sys.exit(f"{folder} is not there: `perennial data fetch {name} --data DIR` gets it, PERENNIAL_DATA=DIR says where")
    return folder


def minilm():
    """The folder of all-MiniLM-L6-v2, which Scripts/fetch-minilm makes."""
    folder = pathlib.Path(os.environ.get("PERENNIAL_MINILM", "data/minilm"))
    if not (folder / "config.json").exists():
        sys.exit(f"{folder} has no encoder: `Scripts/fetch-minilm DIR` gets it, PERENNIAL_MINILM=DIR says where")
    return folder


def scratch():
    """A new folder for the example's files: the first argument, or a temporary one, which stays to be looked at."""
    if len(sys.argv) > 1:
        folder = pathlib.Path(sys.argv[1])
        folder.mkdir(parents=True)
        return folder
    return pathlib.Path(tempfile.mkdtemp(prefix="perennial-"))


def perennial(*words, allowed=(0,), shown=True):
    """Runs a command and shows it; gives what it prints as JSON, or None for one that has none to give."""
    words = [str(word) for word in words]
    if shown:
        print("\n$ perennial " + " ".join(words), flush=True)
    wants = words[0] in ("learn", "evaluate", "history", "rollback", "forget")
    result = subprocess.run(
        [str(PROGRAMS / "perennial"), *words, *(["--json"] if wants else [])],
        stdout=subprocess.PIPE if wants else None, text=True)
    if result.returncode not in allowed:
        sys.exit(f"perennial {words[0]} ended with status {result.returncode}")
    return json.loads(result.stdout) if wants else None


def learn(directory, inputs, *options):
    """Teaches a model directory, and tells what its gate said. Status 3 is a refusal."""
    began = time.time()
    outcome = perennial("learn", directory, inputs, *options, allowed=(0, 3))
    verdict = outcome["verdict"]
    failed = "; ".join(f"{check['name']}: {check['detail']}" for check in verdict["checks"] if not check["passed"])
    print(
        f"{outcome['result']}: version {outcome['version']} serves, {outcome['intake']['learned']} inputs learned, "
        f"{time.time() - began:.1f} s" + (f" ({failed})" if failed else ""))
    return outcome


def write_lines(path, rows):
    """JSON lines."""
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    return path


class Client:
    """One connection to a server on this machine."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def __call__(self, method, path, body=None, token=None):
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text)


@contextlib.contextmanager
def serving(directory, *options):
    """A server of a model directory, on a free port; stopped at the end."""
    process = subprocess.Popen(
        [str(PROGRAMS / "perennial-server"), str(directory), "--port", "0", *map(str, options)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    if "http://" not in line:
        process.wait()
        sys.exit(f"perennial-server {directory} did not start: status {process.returncode}")
    try:
        yield Client(int(line.rsplit(":", 1)[1].strip().strip("/")))
    finally:
        process.terminate()
        process.wait(60)


def prequential(client, stream, batch, tell=True, waits=False, report=None):
    """Asks, and then tells what was true, `batch` inputs at a time; gives whether each answer was right.

    `waits` lets an update that is under way end before the next inputs are asked, so that what is measured is not how
    fast the machine is.
    """
    right = []
    for start in range(0, len(stream), batch):
        part = stream[start:start + batch]
        answer = client("POST", "/v1/predict", {"inputs": [value for value, _ in part], "top": 1})
        predictions = answer["predictions"]
        right += [prediction["label"] == label for prediction, (_, label) in zip(predictions, part)]
        if tell:
            client("POST", "/v1/feedback", {"feedback": [
                {"id": prediction["id"], "label": label} for prediction, (_, label) in zip(predictions, part)]})
        while waits and is_busy(client("GET", "/v1/overview")):
            time.sleep(0.05)
        if report:
            report(len(right), right)
    return right


def is_busy(overview):
    """Whether an update is under way, or will be in a moment: one that has been asked for has not begun yet."""
    return overview["isTraining"] or (
        not overview["isPaused"] and "trial" not in overview
        and overview["newLabels"] >= overview.get("labelsNeeded", math.inf))


def anchors(history):
    """What versions that came into use have lost of what was held out before them, and what they might."""
    checks = [check for attempt in history["attempts"] if attempt.get("version") is not None and attempt.get("verdict")
              for check in attempt["verdict"]["checks"] if check["name"] == "forgetting" and check.get("measured") is not None]
    if not checks:
        return "anchors: there were none"
    return (f"anchors: {checks[-1]['detail']}; the most that any version had lost is "
            f"{100 * max(check['measured'] for check in checks):.2f} %")


def share(right):
    """A share of right answers, in per cent."""
    return f"{100 * sum(right) / max(len(right), 1):.1f} %"
