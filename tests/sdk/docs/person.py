"""What a reader of the tutorials does in a browser: `person.py TASK ADDRESS EMAIL PASSWORD [OTHER PASSWORD]`."""

import sys
from urllib.parse import urlsplit

from visitor import Visitor, arrive

task, address, email, password, *more = sys.argv[1:]
visitor = Visitor()


def choose(page, chosen):
    """Fills in the page that asks for a password of one's own, twice the same."""
    form = next(form for form in page.forms if "password" in form.kinds.values())
    fields = {name: chosen for name, kind in form.kinds.items() if kind == "password"}
    done = visitor.submit(page, form, **fields)
    assert done.status == 200, (done.status, done.text)
    return done


if task == "first password":
    page = visitor.open(address)
    page = visitor.submit(page, page.form("username", "password"), username=email, password=password)
    page = choose(page, more[0])
    assert urlsplit(page.url).path == "/", (page.url, page.text)
elif task == "invitation":
    choose(visitor.open(address), password)
elif task == "approve":
    page, asked = arrive(visitor, address, email, password)
    assert asked[-1:] == ["decision"], (asked, page.text)
else:
    raise SystemExit(f"nobody knows how to do {task!r}")
