"""Uses what the server says and takes beyond plain values: formats, tags, parts, patches, conditions, problems.

    .venv/bin/python aiocoap-parts.py BASE

Needs a spectrum of FLMS01859's upwelling channel. Prints one JSON object with what it saw, CBOR as it came in
hexadecimal digits.
"""

import asyncio
import json
import sys

import aiocoap

TIMEOUT_S = 60
TIME = "spectrometers/FLMS01859/integration-time/upwelling"
SPECTRUM = "spectrometers/FLMS01859/spectrum/upwelling"
TRIGGER = "spectrometers/FLMS01859/trigger"


async def ask(context, code, uri, payload=b"", **options):
    return await context.request(aiocoap.Message(code=code, uri=uri, payload=payload, **options)).response


async def observe_crossings(context, uri):
    """Values told to an observer with c.gt=50000 while the value goes 10000, 60000, 70000, 20000."""
    await ask(context, aiocoap.PUT, uri, b"10000")
    request = context.request(aiocoap.Message(code=aiocoap.GET, uri=f"{uri}?c.gt=50000", observe=0))
    seen = [json.loads((await request.response).payload)]
    notifications = aiter(request.observation)
    for value, is_told in ((60000, True), (70000, False), (20000, True)):
        await ask(context, aiocoap.PUT, uri, str(value).encode())
        if is_told:
            seen.append(json.loads((await anext(notifications)).payload))
    request.observation.cancel()
    return seen


async def main(base):
    context = await aiocoap.Context.create_client_context()
    try:
        multipart = await ask(context, aiocoap.GET, f"{base}/{SPECTRUM}", accept=62)
        selection = b'{"pixels":[10,20],"pixelsPerBin":5,"fields":["counts"]}'
        part = await ask(context, aiocoap.FETCH, f"{base}/{SPECTRUM}", selection, content_format=50, accept=60)
        read = await ask(context, aiocoap.GET, f"{base}/{TRIGGER}")
        valid = await ask(context, aiocoap.GET, f"{base}/{TRIGGER}", etags=[read.opt.etag])
        patch = b'{"timeoutS":9}'
        changed = await ask(
            context, aiocoap.iPATCH, f"{base}/{TRIGGER}", patch, content_format=52, if_match=[read.opt.etag]
        )
        stale = await ask(
            context, aiocoap.iPATCH, f"{base}/{TRIGGER}", patch, content_format=52, if_match=[read.opt.etag]
        )
        problem = await ask(context, aiocoap.PUT, f"{base}/{TIME}", b"1", accept=257)
        result = {
            "multipart": multipart.payload.hex(),
            "part": part.payload.hex(),
            "codes": [str(one.code)[:4] for one in (valid, changed, stale, problem)],
            "problemFormat": int(problem.opt.content_format),
            "problem": problem.payload.hex(),
            "crossings": await observe_crossings(context, f"{base}/{TIME}"),
        }
        print(json.dumps(result))
    finally:
        await context.shutdown()


asyncio.run(asyncio.wait_for(main(sys.argv[1]), TIMEOUT_S))
