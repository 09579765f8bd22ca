"""A store over CoAP with aiocoap, as bench/coap.ts measures it.

    .venv/bin/python bench/coap/aiocoap-server.py PORT PATH...
"""

import asyncio
import sys

import aiocoap
from aiocoap import resource


class Entry(resource.ObservableResource):
    content = b""

    async def render_get(self, request):
        return aiocoap.Message(payload=self.content)

    async def render_put(self, request):
        self.content = request.payload
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)


async def main(port, *paths):
    root = resource.Site()
    for path in paths:
        root.add_resource([path], Entry())
    await aiocoap.Context.create_server_context(root, bind=("127.0.0.1", int(port)))
    await asyncio.get_running_loop().create_future()


asyncio.run(main(*sys.argv[1:]))
