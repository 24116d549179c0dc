"""A Python session: runs one block for each line of JSON that it reads, and keeps the names between them."""

import json
import sys
import traceback

names = {"__name__": "__main__"}
for line in sys.stdin:
    end = "done"
    try:
        exec(compile(json.loads(line), "<block>", "exec"), names)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        end = "failed"
    print(f"\0{end}", flush=True)
