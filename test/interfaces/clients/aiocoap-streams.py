"""aiocoap over TCP or TLS: GET, 2 MiB down, 300,000 bytes up, observation. Prints one JSON object.

Arguments: base URL, and with TLS the file of the authority that the server's certificate is of.
"""

import asyncio
import hashlib
import json
import sys

from aiocoap import GET, PUT, Context, Message


async def main(base, authority=None):
    context = await Context.create_client_context()
    if authority is not None:
        context.client_credentials.load_from_dict({f"{base}/*": {"tlscert": {"certfile": authority}}})

    async def ask(code, path, **more):
        return await context.request(Message(code=code, uri=f"{base}/{path}", **more)).response

    small = await ask(GET, "s")
    large = await ask(GET, "b2m")
    put = await ask(PUT, "put", payload=bytes(range(250)) * 1200)
    request = context.request(Message(code=GET, uri=f"{base}/obs", observe=0))
    values = [json.loads((await request.response).payload)["n"]]
    async for notification in request.observation:
        values.append(json.loads(notification.payload)["n"])
        if len(values) == 4:
            break
    request.observation.cancel()
    await context.shutdown()
    result = {
        "small": small.payload.decode(),
        "large": hashlib.sha256(large.payload).hexdigest(),
        "put": str(put.code),
        "values": values,
    }
    print(json.dumps(result))


asyncio.run(main(*sys.argv[1:]))
