"""The same routes on Sanic, messages in a dict: `python sanic_server.py PORT`."""

import sys
from hashlib import sha256

from sanic import Sanic, json

app = Sanic("messages")
messages = {}


@app.post("/messages")
async def put(request):
    message = request.json["message"]
    digest = sha256(message.encode()).hexdigest()
    status = 200 if digest in messages else 201
    messages[digest] = message
    return json({"digest": digest}, status=status)


@app.get("/messages/<digest:str>")
async def get(_request, digest):
    if digest not in messages:
        return json({"title": "not found"}, status=404)
    return json({"message": messages[digest]})


@app.delete("/messages/<digest:str>")
async def delete(_request, digest):
    if messages.pop(digest, None) is None:
        return json({"title": "not found"}, status=404)
    return json({"digest": digest})


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
