"""Fetching wheels with pip, and finding which wheel brings a missing NVIDIA library."""

import os
import re
import subprocess
import sys
import time


class Refusal(Exception):
    """A sentence for the person at the terminal: what is wrong and what to do."""


def say(text):
    print(f"bootstrap: {text}", flush=True)


def download(requirements, into, scratch, what, with_dependencies=False):
    """Downloads the wheels of `requirements` into a folder, with a progress line, and returns their paths."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--dest", into] + ([] if with_dependencies else ["--no-deps"])
    if not (3, 10) <= sys.version_info[:2] <= (3, 14):
        command += ["--python-version", "3.12"]  # only C++ libraries are used: any Python's wheel will do
    os.makedirs(into, exist_ok=True)
    os.makedirs(scratch, exist_ok=True)
    say(f"downloading {what}")
    environment = dict(os.environ, TMPDIR=scratch)
    process = subprocess.Popen(
        command + requirements, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        output = _watch(process, [into, scratch], what)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode != 0:
        raise Refusal(_explain(output, what))
    return sorted(os.path.join(into, name) for name in os.listdir(into) if name.endswith(".whl"))


def _watch(process, folders, what):
    """Waits for pip and returns its output. Shows meanwhile how much has arrived: a line that rewrites itself on a
    terminal, one every 20 s elsewhere.
    """
    terminal = sys.stdout.isatty()
    said = time.monotonic()
    while True:
        try:
            output, _ = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            text = f"bootstrap: {what}: {_arrived(folders) / 1e6:.0f} MB"
            if terminal:
                print(f"\r{text}\x1b[K", end="", flush=True)
            elif time.monotonic() - said > 20:
                said = time.monotonic()
                print(text, flush=True)
    if terminal:
        print("\r\x1b[K", end="", flush=True)
    return output


def _arrived(folders):
    """The bytes of the wheels below `folders`; the copies that pip makes of one wheel count once."""
    sizes = {}
    for path, _, names in (entry for folder in folders for entry in os.walk(folder)):
        for name in names:
            try:
                if name.endswith(".whl"):
                    sizes[name] = max(sizes.get(name, 0), os.path.getsize(os.path.join(path, name)))
            except OSError:
                pass  # pip moved it meanwhile
    return sum(sizes.values())


def _explain(output, what):
    if "No space left on device" in output or "[Errno 28]" in output:
        return f"the disk is full while downloading {what}; make room and run this again"
    if "No module named pip" in output:
        return "pip for python3 is missing; on Debian: apt-get install python3-pip"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error"))] or lines[-3:]
    reason = " ".join(errors[-3:]) or "nothing"
    python = ".".join(map(str, sys.version_info[:2]))
    return (
        f"could not download {what}; is the network (or the folder in PIP_FIND_LINKS) there? "
        f"pip of Python {python} said: {reason}"
    )


def nvidia_requirements(metadata):
    """The NVIDIA run-time requirements in a torch wheel's METADATA, without their environment markers."""
    found = []
    for line in metadata.splitlines():
        name, _, value = line.partition(": ")
        requirement, _, marker = value.partition(";")
        if name == "Requires-Dist" and "extra" not in marker:
            if re.match(r"cuda-toolkit\b|nvidia-", requirement.strip()):
                found.append(requirement.strip())
    return found


def requirement_for(soname, requirements):
    """The requirement that brings a library such as `libcudart.so.13`, cut down to that library, or None.

    `cuda-toolkit[cublas,cudart]==13.0.3` names its parts by their libraries; the others are `nvidia-<library>…`.
    """
    match = re.match(r"lib([A-Za-z]+)", soname)
    if not match:
        return None
    library = match.group(1).lower()
    library = {"cublaslt": "cublas"}.get(library, library)
    for requirement in requirements:
        extras = re.match(r"(cuda-toolkit)\[([^]]*)\](.*)", requirement)
        if extras and library in [part.strip() for part in extras.group(2).split(",")]:
            return f"{extras.group(1)}[{library}]{extras.group(3)}"
        if re.match(rf"nvidia-(cuda-)?{library}\b", requirement):
            return requirement
    return None
