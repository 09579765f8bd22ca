"""Uses the instrument as a scientist with aiocoap would: discover, set, record while watching, download, configure.

    .venv/bin/python aiocoap-record.py BASE

Prints one JSON object with what it saw; any failure ends it with a traceback.
"""

import asyncio
import json
import sys

import aiocoap

TIMEOUT_S = 120
TIME = "spectrometers/FLMS01859/integration-time/upwelling"


async def ask(context, method, uri, payload=b"", **options):
    response = await context.request(aiocoap.Message(code=method, uri=uri, payload=payload, **options)).response
    assert response.code.is_successful(), f"{uri}: {response.code} {response.payload.decode()}"
    return response


async def watch_recording(context, base):
    """Phases seen while a batch is recorded, and the batch's result."""
    request = context.request(aiocoap.Message(code=aiocoap.GET, uri=f"{base}/acquisition/status", observe=0))
    phases = [json.loads((await request.response).payload)["phase"]]
    body = json.dumps({"run": "aiocoap", "sequences": 2}).encode()
    started = await ask(context, aiocoap.POST, f"{base}/acquisition/record", body, content_format=50)
    location = "/".join(started.opt.location_path)
    async for notification in request.observation:
        phases.append(json.loads(notification.payload)["phase"])
        if phases[-1] == "idle":
            break
    request.observation.cancel()
    return phases, json.loads((await ask(context, aiocoap.GET, f"{base}/{location}")).payload)


async def main(base):
    context = await aiocoap.Context.create_client_context()
    try:
        links = (await ask(context, aiocoap.GET, f"{base}/.well-known/core")).payload.decode()
        await ask(context, aiocoap.PUT, f"{base}/{TIME}", b"40000")
        time = json.loads((await ask(context, aiocoap.GET, f"{base}/{TIME}")).payload)
        phases, operation = await watch_recording(context, base)
        file = await ask(context, aiocoap.GET, f"{base}/datadir/runs/aiocoap/b000000_s000001_light.pico")
        old = (await ask(context, aiocoap.GET, f"{base}/datadir/configuration")).payload
        new = old + b"# a remark of the operator that makes the text longer\n" * 100
        await ask(context, aiocoap.PUT, f"{base}/datadir/configuration", new)
        result = {
            "links": links.count("<"),
            "time": time,
            "phases": phases,
            "state": operation["state"],
            "fileBytes": len(file.payload),
            "spectra": len(json.loads(file.payload)["Spectra"]),
            "uploadedBytes": len(new),
            "isStored": (await ask(context, aiocoap.GET, f"{base}/datadir/configuration")).payload == new,
        }
        print(json.dumps(result))
    finally:
        await context.shutdown()


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), TIMEOUT_S))
