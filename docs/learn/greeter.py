"""An MCP server that speaks stdio, with nothing but Python 3: one JSON-RPC message per line."""
import json
import os
import sys

TOOL = {"name": "greet", "description": "Greets whoever is signed in", "inputSchema": {"type": "object"}}


def answer(method, params):
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "greeter", "version": "1.0.0"},
        }
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call" and params["name"] == "greet":
        return {"content": [{"type": "text", "text": f"Hello {os.environ.get('MCP_CALLER_SUBJECT', 'nobody')}"}]}
    return None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue  # a notification
    result = answer(message.get("method"), message.get("params", {}))
    outcome = {"error": {"code": -32601, "message": "Method not found"}} if result is None else {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **outcome}), flush=True)
