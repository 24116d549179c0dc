"""Counts what was checked: one line each, a sum at the end. Knows nothing of what is checked."""

import sys
import traceback
from contextlib import contextmanager

_passed = 0
_failed = 0


def check(sentence, holds, detail=""):
    """Counts one check; a failed one says `detail` and the program goes on."""
    global _passed, _failed
    if holds:
        _passed += 1
        print(f"ok - {sentence}")
    else:
        _failed += 1
        print(f"not ok - {sentence}")
        if detail != "":
            print(f"    {detail}")
    return bool(holds)


def same(sentence, got, want):
    """The two are equal, keys in the same order too."""
    return check(sentence, repr(got) == repr(want), f"got  {got!r}\n    want {want!r}")


def like(sentence, got, want):
    """`got` has the shape of `want`: a function there judges its place, anything else must be equal.

    Objects have the same keys in the same order, lists the same length.
    """
    wrong = list(_differences(got, want, "$"))
    return check(sentence, not wrong, "\n    ".join(wrong))


def _differences(got, want, path):
    if callable(want):
        if not want(got):
            yield f"{path}: {got!r} is not {want.__name__}"
    elif isinstance(want, dict) and isinstance(got, dict):
        if list(got) != list(want):
            yield f"{path}: keys {list(got)}, not {list(want)}"
        for key in want:
            if key in got:
                yield from _differences(got[key], want[key], f"{path}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(got) != len(want):
            yield f"{path}: {len(got)} items, not {len(want)}: {got!r}"
        for index, (item, wanted) in enumerate(zip(got, want)):
            yield from _differences(item, wanted, f"{path}[{index}]")
    elif type(got) is not type(want) or got != want:
        yield f"{path}: {got!r}, not {want!r}"


def refused(sentence, kind, call, saying=""):
    """`call` raises exactly `kind` with `saying` in its text; gives the exception."""
    try:
        answer = call()
    except Exception as error:
        check(
            sentence,
            type(error) is kind and saying in str(error),
            f"raised {type(error).__name__}: {error}",
        )
        return error
    check(sentence, False, f"was not refused: {answer!r}")
    return None


@contextmanager
def story(title):
    """Groups checks; one that breaks off counts as failed and the next is still told."""
    print(f"# {title}")
    try:
        yield
    except Exception:
        check(f"the story is told to its end: {title}", False, traceback.format_exc())


def finish():
    print(f"{_passed} passed, {_failed} failed")
    sys.exit(1 if _failed or not _passed else 0)
