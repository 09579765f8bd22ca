"""A CoAP server of aiocoap that asks for OSCORE, for tests of this project's client.

    .venv/bin/python aiocoap-oscore-server.py PORT CONTEXT

Listens on 127.0.0.1 by UDP and TCP. CONTEXT is the folder of a security context (settings.json).
/s is a text, /b32k has 32 KiB, /put stores what it gets, /count counts up ten times a second and can be observed.
Prints "ready" when it listens, and ends when its input ends.
"""

import asyncio
import sys

import aiocoap
from aiocoap import oscore_sitewrapper, resource
from aiocoap.credentials import CredentialsMap


class Guarded(resource.Resource):
    """Only for those who have proven to have the key."""

    def check(self, request):
        if not getattr(request.remote, "authenticated_claims", ()):
            raise aiocoap.error.Unauthorized


class Fixed(Guarded):
    def __init__(self, payload):
        super().__init__()
        self.payload = payload

    async def render_get(self, request):
        self.check(request)
        return aiocoap.Message(payload=self.payload)

    async def render_put(self, request):
        self.check(request)
        self.payload = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


class Count(resource.ObservableResource):
    value = 0

    async def run(self):
        while True:
            await asyncio.sleep(0.1)
            self.value += 1
            self.updated_state()

    async def render_get(self, request):
        return aiocoap.Message(payload=str(self.value).encode())


async def main(port, context_folder):
    count = Count()
    site = resource.Site()
    site.add_resource(["s"], Fixed(b"hello world"))
    site.add_resource(["b32k"], Fixed(bytes((index * 7 + (index >> 8) * 13) & 0xFF for index in range(32768))))
    site.add_resource(["put"], Fixed(b""))
    site.add_resource(["count"], count)
    credentials = CredentialsMap()
    credentials.load_from_dict({":client": {"oscore": {"basedir": context_folder}}})
    guarded = oscore_sitewrapper.OscoreSiteWrapper(site, credentials)
    context = await aiocoap.Context.create_server_context(
        guarded, bind=("127.0.0.1", int(port)), transports=["udp6", "tcpserver"], server_credentials=credentials
    )
    counting = asyncio.create_task(count.run())
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    counting.cancel()
    await context.shutdown()


asyncio.run(main(*sys.argv[1:]))
