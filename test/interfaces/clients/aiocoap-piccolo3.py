"""Talks to the server as piccolo3's client does: confirmable, PUT with [[arguments],{named}], observation of the status
through a batch, the file as one JSON text in blocks.

    .venv/bin/python aiocoap-piccolo3.py BASE

Prints one JSON object with what it saw; any failure ends it with a traceback.
"""

import asyncio
import json
import sys

import aiocoap

TIMEOUT_S = 120
UNSET = {"auto": None, "delay": None, "target": None, "at_time": None, "interval": None, "end_time": None}


async def ask(context, method, uri, payload=b""):
    response = await context.request(aiocoap.Message(code=method, uri=uri, payload=payload)).response
    if not response.code.is_successful():
        raise RuntimeError(f"{response.code}: {response.payload.decode()}")
    return json.loads(response.payload) if response.payload else None


class Piccolo:
    def __init__(self, context, base):
        self._context = context
        self._base = base

    async def get(self, path):
        return await ask(self._context, aiocoap.GET, f"{self._base}/{path}")

    async def put(self, path, *args, **named):
        payload = json.dumps([args, named]).encode()
        return await ask(self._context, aiocoap.PUT, f"{self._base}/{path}", payload)

    def observe(self, path):
        return self._context.request(aiocoap.Message(code=aiocoap.GET, uri=f"{self._base}/{path}", observe=0))


async def record(piccolo):
    """The texts of the status through a batch."""
    request = piccolo.observe("control/status")
    seen = [json.loads((await request.response).payload)]
    await piccolo.put("control/record_sequence", run="aiocoap3", nsequence=2, **UNSET)
    async for notification in request.observation:
        seen.append(json.loads(notification.payload))
        if seen[-1] == "idle":
            break
    request.observation.cancel()
    return seen


async def refusal(awaitable):
    try:
        await awaitable
    except RuntimeError as error:
        return str(error)
    return None


async def main(base):
    context = await aiocoap.Context.create_client_context()
    try:
        piccolo = Piccolo(context, base)
        status = await record(piccolo)
        files = await piccolo.get("data_dir/runs/aiocoap3/spectra_list")
        text = await piccolo.put("data_dir/runs/aiocoap3/spectra", sname=files[0])
        spectra = json.loads(text)["Spectra"]
        await piccolo.put("control/delay", d="1.5")
        result = {
            "status": status,
            "files": files,
            "spectra": len(spectra),
            "types": sorted({one["Metadata"]["Type"] for one in spectra}),
            "bytes": len(text),
            "delay": await piccolo.get("control/delay"),
            "spectrometers": await piccolo.get("spectrometer/spectrometers"),
            "runs": await piccolo.put("data_dir/all_runs", alpha=True, reverse=False, nitems=None, page=0),
            "run": await piccolo.put("data_dir/current_run", "next"),
            "refused": await refusal(piccolo.put("control/target", 95)),
            "idle": await refusal(piccolo.get("control/abort")),
        }
        print(json.dumps(result))
    finally:
        await context.shutdown()


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), TIMEOUT_S))
