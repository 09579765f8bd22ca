"""Does what aiocoap-exercise.py does, with every message protected by OSCORE.

    .venv/bin/python aiocoap-oscore-exercise.py CONTEXT BASE ...

CONTEXT is the folder of a security context (settings.json); the other arguments are those of aiocoap-exercise.py.
"""

import pathlib
import runpy
import sys

import aiocoap

create_context = aiocoap.Context.create_client_context
folder, base = sys.argv[1:3]


async def create_secured_context():
    context = await create_context()
    context.client_credentials.load_from_dict({f"{base}/*": {"oscore": {"basedir": folder}}})
    return context


aiocoap.Context.create_client_context = create_secured_context
del sys.argv[1]
runpy.run_path(str(pathlib.Path(__file__).with_name("aiocoap-exercise.py")))
