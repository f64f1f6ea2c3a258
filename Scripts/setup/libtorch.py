"""Puts libtorch into a folder: headers, libraries and libtorch.pc, taken from the PyPI wheel `torch`.

Everything is made and checked in `<folder>.partial`, which is renamed at the end; a run that is interrupted leaves
the old folder, or none. Python packages that torch depends on are not fetched; the NVIDIA libraries that a CUDA build
needs are, as few as this machine can use. Run through Scripts/bootstrap, which explains the environment variables.
"""

import errno
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile

from shared_objects import needed
from wheels import Refusal, download, nvidia_requirements, requirement_for, say

DEFAULT_VERSION = "2.13.0"
MINORS = ("2.11", "2.12", "2.13")
HOME = os.path.abspath(os.environ["PERENNIAL_LIBTORCH_DIR"])
PARTIAL, OLD, GIVEN = HOME + ".partial", HOME + ".old", HOME + ".given"
SUFFIX = "dylib" if sys.platform == "darwin" else "so"
CPU_ROOTS = [f"libtorch_cpu.{SUFFIX}"]
CUDA_ROOTS = ["libtorch_cuda.so", "libtorch_cuda_linalg.so"]
LOADED_ON_DEMAND = ["libcaffe2_nvrtc.so"]  # needs the driver's libcuda.so.1, so it is copied and not tried

# Without -ltorch: that library is an empty shell which, in a CUDA build, insists on every CUDA library.
PKG_CONFIG = """prefix={prefix}
Name: libtorch
Description: PyTorch C++ libraries
URL: https://pytorch.org
Version: {version}
Cflags: -I"${{prefix}}/include" -I"${{prefix}}/include/torch/csrc/api/include"
Libs: -L"${{prefix}}/lib" -ltorch_cpu -lc10
"""


def main():
    version = asked_version()
    cuda = asked_cuda()
    if os.environ.get("LIBTORCH"):
        return use_given(os.path.abspath(os.environ["LIBTORCH"]))
    os.makedirs(os.path.dirname(HOME), exist_ok=True)
    with open(HOME + ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another bootstrap is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(stamp(PARTIAL)):
            replace()  # complete and checked; only the renaming was interrupted
        if not satisfied(version, cuda):
            install(version, cuda)


# What is asked for, and what is there


def asked_version():
    version = os.environ.get("TORCH_VERSION") or DEFAULT_VERSION
    if not re.fullmatch(r"2\.1[123](\.\d+)?", version):
        raise Refusal(f"TORCH_VERSION={version} cannot be used: Perennial builds with {MINORS[0]} to {MINORS[-1]}")
    return version


def asked_cuda():
    """True when this machine has an NVIDIA GPU or PERENNIAL_CUDA=1."""
    choice = os.environ.get("PERENNIAL_CUDA", "")
    if choice not in ("", "0", "1"):
        raise Refusal(f"PERENNIAL_CUDA={choice} means nothing: give 1 (with CUDA) or 0 (without)")
    return choice == "1" or choice == "" and bool(glob.glob("/dev/nvidia[0-9]*"))


def stamp(folder):
    return os.path.join(folder, "installed")


def satisfied(version, cuda):
    """True when the folder holds that version, with CUDA where it is wanted and the wheel has it."""
    try:
        with open(stamp(HOME)) as file:
            facts = dict(line.split(None, 1) for line in file.read().splitlines())
    except (OSError, ValueError):
        return False
    have = facts.get("torch", "")
    if have != version and not have.startswith(version + "."):
        say(f"replacing libtorch {have} by {version}")
        return False
    enough = ("yes", "unavailable") if os.environ.get("PERENNIAL_CUDA") != "1" else ("yes",)
    if cuda and facts.get("cuda") not in enough:
        return False
    return os.path.exists(os.path.join(HOME, "lib", CPU_ROOTS[0])) and header_version(HOME) == have


def header_version(folder):
    """The version that the headers in `folder` declare, or None."""
    for path in ("include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"):
        try:
            with open(os.path.join(folder, path)) as file:
                text = file.read()
        except OSError:
            continue
        parts = [re.search(rf"define TORCH_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
        if all(parts):
            return ".".join(part.group(1) for part in parts)
    return None


def load_error(folder, names):
    """What the loader says against loading these libraries of `folder`, or None."""
    program = "import ctypes, sys\nfor path in sys.argv[1:]: ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)"
    paths = [os.path.join(folder, "lib", name) for name in names]
    result = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True)
    if result.returncode == 0:
        return None
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else f"loading ended with status {result.returncode}"


def write_pkg_config(folder, prefix, version):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "libtorch.pc"), "w") as file:
        file.write(PKG_CONFIG.format(prefix=prefix, version=version))


# A copy that is given


def use_given(folder):
    """Checks the copy that LIBTORCH names; describes it in `<folder>.given` when it has no libtorch.pc."""
    wanted = f"a folder with include/ and lib/ of libtorch {MINORS[0]} to {MINORS[-1]} is needed"
    if not os.path.isdir(folder):
        raise Refusal(f"LIBTORCH={folder} is no folder: {wanted}")
    version = header_version(folder)
    if version is None:
        raise Refusal(f"LIBTORCH={folder} has no include/torch/headeronly/version.h: {wanted}")
    if not version.startswith(tuple(minor + "." for minor in MINORS)):
        raise Refusal(f"LIBTORCH={folder} is version {version}: {wanted}")
    if os.environ.get("TORCH_VERSION") and not f"{version}.".startswith(os.environ["TORCH_VERSION"] + "."):
        raise Refusal(f"LIBTORCH={folder} is version {version}, but TORCH_VERSION={os.environ['TORCH_VERSION']}")
    problem = load_error(folder, CPU_ROOTS)
    if problem:
        raise Refusal(f"LIBTORCH={folder} does not load: {problem}")
    if not os.path.exists(os.path.join(folder, "lib/pkgconfig/libtorch.pc")):
        write_pkg_config(GIVEN, folder, version)
    say(f"using libtorch {version} in {folder}")


# A copy from the wheel


def install(version, cuda):
    shutil.rmtree(PARTIAL, ignore_errors=True)
    os.makedirs(os.path.join(PARTIAL, "lib"))
    scratch, wheels = os.path.join(PARTIAL, "scratch"), os.path.join(PARTIAL, "wheels")
    exact = version if version.count(".") == 2 else version + ".*"
    try:
        (wheel,) = download([f"torch=={exact}"], wheels, scratch, f"libtorch {version} (wheel torch)")
        has_cuda = unpack(wheel, cuda)
        found = header_version(PARTIAL)
        if not f"{found}.".startswith(version + "."):
            raise Refusal(f"{os.path.basename(wheel)} holds headers of version {found}, asked for {version}")
        roots = CPU_ROOTS + (CUDA_ROOTS if cuda and has_cuda else [])
        problem = load_error(PARTIAL, roots)
        if problem:
            raise Refusal(f"libtorch {found} was unpacked but does not load: {problem}")
        write_pkg_config(os.path.join(PARTIAL, "lib/pkgconfig"), "${pcfiledir}/../..", found)
        shutil.rmtree(scratch)
        shutil.rmtree(wheels)
        state = "unavailable" if not has_cuda else "yes" if cuda else "no"
        os.sync()
        with open(stamp(PARTIAL), "w") as file:
            file.write(f"torch {found}\nwheel {os.path.basename(wheel)}\ncuda {state}\n")
    except BaseException:
        shutil.rmtree(PARTIAL, ignore_errors=True)
        raise
    replace()
    size = sum(entry.stat().st_size for entry in os.scandir(os.path.join(HOME, "lib"))) / 1e6
    kind = "with CUDA" if state == "yes" else "for CPU"
    say(f"libtorch {found} {kind} is in {HOME} ({size:.0f} MB of libraries) and loads")
    if state == "no":
        say("no NVIDIA GPU here, so the CUDA libraries were left out; PERENNIAL_CUDA=1 brings them in")


def replace():
    shutil.rmtree(OLD, ignore_errors=True)
    if os.path.exists(HOME):
        os.rename(HOME, OLD)
    os.rename(PARTIAL, HOME)
    shutil.rmtree(OLD, ignore_errors=True)


def unpack(wheel, cuda):
    """Takes the headers and the libraries that are needed to load out of the wheel; True when it is a CUDA build."""
    say(f"unpacking {os.path.basename(wheel)}")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.startswith("torch/include/") and not member.endswith("/"):
                extract(archive, member, os.path.join(PARTIAL, member[len("torch/") :]))
        libraries = libraries_in(archive)
        metadata = next((name for name in archive.namelist() if name.endswith(".dist-info/METADATA")), None)
        requirements = nvidia_requirements(archive.read(metadata).decode() if metadata else "")
        has_cuda = CUDA_ROOTS[0] in libraries
        if os.environ.get("PERENNIAL_CUDA") == "1" and not has_cuda:
            raise Refusal(f"PERENNIAL_CUDA=1, but {os.path.basename(wheel)} is a build without CUDA")
        roots = CPU_ROOTS + (CUDA_ROOTS + LOADED_ON_DEMAND if cuda and has_cuda else [])
        if SUFFIX == "dylib":
            roots = [name for name in libraries if "python" not in name]
        for root in roots:
            if root not in libraries:
                raise Refusal(f"{os.path.basename(wheel)} has no {root}")
        lacking = take(roots, {name: (archive, member) for name, member in libraries.items()})
    take_nvidia(lacking, requirements, everything=cuda and has_cuda)
    return has_cuda


def libraries_in(archive):
    """The shared libraries in a wheel, by file name."""
    pattern = r"(torch/lib|torch\.libs|nvidia/.*lib)/[^/]+\.(so[.\d]*|dylib)"
    names = [name for name in archive.namelist() if re.fullmatch(pattern, name) and "/stubs/" not in name]
    return {os.path.basename(name): name for name in names}


def take(names, available):
    """Extracts these libraries and all that they need from `available`; returns what only others can give."""
    queue, lacking, seen = list(names), [], set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        path = os.path.join(PARTIAL, "lib", name)
        if not os.path.exists(path):
            if name not in available:
                lacking.append(name)
                continue
            archive, member = available[name]
            extract(archive, member, path)
        queue += needed(path)
    return lacking


def take_nvidia(lacking, requirements, everything):
    """Fetches the NVIDIA wheels among `requirements` that bring the `lacking` libraries, or all of them.

    The libraries go beside libtorch's own, where every one of them looks ($ORIGIN is in their run paths).
    """
    wanted = {name: requirement_for(name, requirements) for name in lacking}
    wanted = {name: requirement for name, requirement in wanted.items() if requirement}
    if not wanted and not everything:
        return
    chosen = requirements if everything else sorted(set(wanted.values()))
    folder = os.path.join(PARTIAL, "wheels/nvidia")
    what = "the NVIDIA libraries that CUDA needs" if everything else f"NVIDIA's {' and '.join(sorted(wanted))}"
    wheels = download(chosen, folder, os.path.join(PARTIAL, "scratch"), what, with_dependencies=True)
    archives = [zipfile.ZipFile(wheel) for wheel in wheels]
    try:
        available = {}
        for archive in archives:
            available.update({name: (archive, member) for name, member in libraries_in(archive).items()})
        take(list(available) if everything else list(wanted), available)
    finally:
        for archive in archives:
            archive.close()
    absent = [name for name in wanted if not os.path.exists(os.path.join(PARTIAL, "lib", name))]
    if absent:
        raise Refusal(f"{', '.join(absent)} should be in {', '.join(map(os.path.basename, wheels))}, but is not")


def extract(archive, member, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with archive.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def stop(number, _):
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        main()
    except Refusal as refusal:
        sys.exit(f"bootstrap: {refusal}")
    except KeyboardInterrupt:
        sys.exit("bootstrap: interrupted; nothing was changed")
    except zipfile.BadZipFile as error:
        sys.exit(f"bootstrap: a downloaded wheel is damaged ({error}); run this again")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(f"bootstrap: the disk of {HOME} is full; make room (4 GB, with CUDA 12 GB) and run this again")
        sys.exit(f"bootstrap: {error}")
