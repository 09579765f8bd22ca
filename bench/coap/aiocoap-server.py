"""A store over CoAP with aiocoap, as bench/coap.ts measures it.

    .venv/bin/python bench/coap/aiocoap-server.py PORT PATH...
"""

import asyncio
import sys

import aiocoap
from aiocoap import resource


class Entry(resource.ObservableResource):
    content = b""
    content_format = None

    async def render_get(self, request):
        return aiocoap.Message(payload=self.content, content_format=self.content_format)

    async def render_put(self, request):
        self.content = request.payload
        self.content_format = request.opt.content_format
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)


async def main(port, *paths):
    root = resource.Site()
    for path in paths:
        root.add_resource([path], Entry())
    await aiocoap.Context.create_server_context(root, bind=("127.0.0.1", int(port)))
    await asyncio.get_running_loop().create_future()


asyncio.run(main(*sys.argv[1:]))
