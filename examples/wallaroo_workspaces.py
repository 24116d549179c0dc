"""Lists the workspaces that you are in. Prints an address where you sign in and approve."""

import os

import wallaroo

wl = wallaroo.Client(api_endpoint=os.environ.get("WALLAROO_URL", "http://127.0.0.1:8787"), auth_type="sso")
for workspace in wl.list_workspaces():
    print(workspace.id(), workspace.name())
