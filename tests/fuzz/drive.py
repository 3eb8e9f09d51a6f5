"""Fuzz targets, by atheris (coverage-guided) or without it.

    python tests/fuzz/drive.py [TARGET ...] [--driver atheris|plain] [--runs N] [--seed N]
    python tests/fuzz/drive.py TARGET --input HEX          run one input, as a find is printed
    python tests/fuzz/drive.py --list

Without a target every one has its turn, in a process of its own. Inputs start from
corpus/TARGET.hex.
`atheris` is libFuzzer with coverage of tlscore; it has wheels for Linux on x86-64 only. `plain`
changes inputs of the corpus at random, from a seed, and needs nothing but the standard library.
Both go through the same targets (wire_targets.py) and hold them to the same limits of time and
memory. Which one ran is printed, and a line for each target. Exit status: 0 nothing was found;
1 something was, and the input that shows it is printed in hexadecimal.
"""

import argparse
import importlib.util
import multiprocessing
import pathlib
import random
import resource
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
TLS = HERE.parents[1] / "tls"
sys.path[:0] = [str(HERE), str(TLS), str(TLS / "tests" / "host")]

# No input may take longer, even on a slow machine: a whole handshake takes 30 ms.
TIMEOUT_S = 10
# The interpreter, the `cryptography` package and atheris take 150 MB; the core less than one.
MEMORY_LIMIT_MB = 512
INPUT_BYTES_MAX = 1024


def has_atheris():
    """Tell whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def corpus_file(target):
    """Return the file with the inputs to start from, a line of hexadecimal each."""
    return HERE / "corpus" / f"{target}.hex"


def seeds_of(target):
    """Return the inputs to start from."""
    return [bytes.fromhex(line) for line in corpus_file(target).read_text().splitlines()]


def seed_files(target):
    """Return new temporary files with the inputs to start from, as libFuzzer wants them."""
    folder = pathlib.Path(tempfile.mkdtemp())
    files = []
    for number, data in enumerate(seeds_of(target)):
        files.append(folder / f"{number:02}")
        files[-1].write_bytes(data)
    return files


def load_targets(driver):
    """Return wire_targets.TARGETS; with atheris the core in it is instrumented."""
    if driver == "plain":
        import wire_targets
    else:
        import atheris

        with atheris.instrument_imports(include=["tlscore"]):
            import wire_targets
    return wire_targets.TARGETS


def reporting(target, function):
    """Return the function of a target, made to print the input that something was found with."""

    def run(data):
        try:
            function(data)
        except BaseException:
            print(f"found by {target} with {bytes(data).hex()}", flush=True)
            raise

    return run


def drive_with_atheris(target, function, runs, seed):
    """Fuzz with libFuzzer; does not return."""
    import atheris

    options = {
        "runs": runs,
        "seed": seed,
        "max_len": INPUT_BYTES_MAX,
        "timeout": TIMEOUT_S,
        "rss_limit_mb": MEMORY_LIMIT_MB,
        "artifact_prefix": tempfile.gettempdir() + "/tlscore-fuzz-",
        # As files: to a folder libFuzzer would add what it finds new.
        "seed_inputs": ",".join(map(str, seed_files(target))),
    }
    arguments = ["-{}={}".format(*option) for option in options.items()]
    atheris.Setup([sys.argv[0], *arguments], reporting(target, function))
    atheris.Fuzz()


def drive_plainly(target, function, runs, seed):
    """Fuzz with random changes to the corpus."""
    function = reporting(target, function)
    choice = random.Random(seed)
    seeds = seeds_of(target)
    for number in range(runs):
        data = seeds[number] if number < len(seeds) else changed(choice, choice.choice(seeds))
        started = time.monotonic()
        function(data)
        assert time.monotonic() - started < TIMEOUT_S, "took too long: " + data.hex()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    assert peak_mb < MEMORY_LIMIT_MB, f"took {peak_mb} MB"


def drive_apart(drive, *arguments):
    """Drive a target in a process of its own; return whether nothing was found."""
    sys.stdout.flush()
    # Its temporary files go with it: libFuzzer ends its process without a word to Python.
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        # Forked, so that the core is imported, and instrumented, once.
        child = multiprocessing.get_context("fork").Process(target=drive, args=arguments)
        child.start()
        child.join()
        tempfile.tempdir = None
    return child.exitcode == 0


def changed(choice, data):
    """Return data with a few bytes changed, removed, put in or repeated."""
    data = bytearray(data)
    for _ in range(1 + choice.randrange(6)):
        at = choice.randrange(len(data) + 1)
        what = choice.randrange(5)
        if what == 0:
            data[at : at + 1] = bytes([choice.randrange(256)])
        elif what == 1:
            del data[at : at + 1 + choice.randrange(8)]
        elif what == 2:
            data[at:at] = choice.choice((b"\x00", b"\xff", b"\x00\x00", b"\xff\xff", b"\x7f\xff"))
        elif what == 3:
            data[at:at] = data[at : at + 16]
        else:
            data[at:at] = choice.randbytes(1 + choice.randrange(12))
    return bytes(data[:INPUT_BYTES_MAX])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--driver", choices=("atheris", "plain"))
    parser.add_argument("--runs", type=int, help="inputs; by default about a second's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=bytes.fromhex, metavar="HEX", help="run this input once")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    driver = options.driver or ("atheris" if has_atheris() else "plain")
    if options.list or options.input is not None:
        driver = "plain"
    targets = load_targets(driver)
    if options.list:
        print(*targets, sep="\n")
        return 0
    if options.input is not None:
        for name in options.targets:
            targets[name][0](options.input)
        return 0
    print("driver: " + driver + ("" if has_atheris() else " (atheris is not installed)"))
    drive = {"atheris": drive_with_atheris, "plain": drive_plainly}[driver]
    all_good = True
    for name in options.targets or targets:
        function, runs = targets[name]
        runs = options.runs or runs
        started = time.monotonic()
        good = drive_apart(drive, name, function, runs, options.seed)
        verdict = "nothing found" if good else "FOUND SOMETHING"
        took = time.monotonic() - started
        print(f"{name}: {runs} inputs, {took:.1f} s, {verdict}", flush=True)
        all_good = all_good and good
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
