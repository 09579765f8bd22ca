"""Exercises a CoAP server with aiocoap: discover, GET, PUT, observe, and a large GET.

    .venv/bin/python aiocoap-exercise.py BASE DISCOVERED SMALL STORE OBSERVED LARGE [STORE_BYTES]

BASE is such as coap://127.0.0.1:5683; DISCOVERED a text that the list of links must hold; the others are paths.
STORE takes a PUT of STORE_BYTES (5000 unless given) and gives it back. OBSERVED is watched for 5 notifications besides the first answer.
Prints one JSON object with what it saw; any failure ends it with a traceback.
"""

import asyncio
import hashlib
import json
import sys

import aiocoap

TIMEOUT_S = 60


def digest(payload):
    return {"bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}


async def ask(context, method, uri, payload=b""):
    request = aiocoap.Message(code=method, uri=uri, payload=payload)
    response = await context.request(request).response
    return response


async def observe(context, uri, count):
    request = context.request(aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0))
    seen = [(await request.response).payload]
    async for notification in request.observation:
        seen.append(notification.payload)
        if len(seen) > count:
            break
    request.observation.cancel()
    return [digest(payload) | {"text": payload[:200].decode("utf-8", "replace")} for payload in seen]


async def main(base, discovered, small, store, observed, large, store_bytes="5000"):
    context = await aiocoap.Context.create_client_context()
    try:
        links = await ask(context, aiocoap.GET, f"{base}/.well-known/core")
        assert discovered in links.payload.decode(), links.payload
        body = bytes((index * 31 + (index >> 8)) & 0xFF for index in range(int(store_bytes)))
        put = await ask(context, aiocoap.PUT, f"{base}/{store}", body)
        stored = await ask(context, aiocoap.GET, f"{base}/{store}")
        missing = await ask(context, aiocoap.GET, f"{base}/there-is-no-such-thing")
        result = {
            "links": str(links.code),
            "small": digest((await ask(context, aiocoap.GET, f"{base}/{small}")).payload),
            "put": str(put.code),
            "stored": stored.payload == body,
            "missing": str(missing.code),
            "large": digest((await ask(context, aiocoap.GET, f"{base}/{large}")).payload),
            "observed": await observe(context, f"{base}/{observed}", 5),
        }
        print(json.dumps(result))
    finally:
        await context.shutdown()


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), TIMEOUT_S))
