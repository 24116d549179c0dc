"""Lists the spaces that you can see. Needs an API key in the variable API_KEY."""

import os

from arize import ArizeClient

client = ArizeClient(
    api_key=os.environ["API_KEY"],
    api_host=os.environ.get("API_HOST", "127.0.0.1:8787"),
    api_scheme=os.environ.get("API_SCHEME", "http"),
)
for space in client.spaces.list().spaces:
    print(space.id, space.name)
