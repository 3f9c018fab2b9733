"""Tools made of the contract by FastMCP: what they are, and what each answers when it is called once."""

import asyncio
import json
import sys
from typing import Any

import httpx2
from fastmcp import Client, FastMCP

PROFILE = {"prompt_engineering_sufficient": False, "knowledge_retrieval_problem": True}
CALLS: dict[str, dict[str, Any]] = {
    "assess": {"profile": PROFILE},
    "assessBatch": {"profiles": [PROFILE], "defaults": {"real_time_data_needed": True}},
    "explain": {"profile": PROFILE, "limit": 3},
    "getTree": {},
    "listVersions": {},
    "getVersion": {"version": "2.0.0"},
    "getChanges": {"version": "2.0.0", "since": "1.0.0"},
    "getDiagram": {"version": "1.0.0", "prompt_engineering_sufficient": False},
    "workOutInput": {"version": "1.0.0", "input": "data_sensitive", "quantities": {}},
    "explainProblem": {"slug": "not-found"},
}


async def main(url: str, *, output_schemas: bool) -> None:
    """Print the size of the list of tools as JSON, their names, and the text of each answer."""
    async with httpx2.AsyncClient(base_url=url) as http:
        contract = (await http.get("/openapi.json")).json()
        server = FastMCP.from_openapi(contract, client=http, validate_output=output_schemas)
        async with Client(server) as client:
            tools = [
                tool.model_dump(mode="json", by_alias=True, exclude_none=True)
                for tool in await client.list_tools()
            ]
            # A tree has a worksheet for few inputs; where there is none, a tool's answer says so.
            answers = {
                name: await client.call_tool(name, given, raise_on_error=name != "workOutInput")
                for name, given in CALLS.items()
            }
    size = len(json.dumps(tools, separators=(",", ":")).encode())
    texts = {name: answer.content[0].text for name, answer in answers.items()}
    print(json.dumps({"bytes": size, "tools": [tool["name"] for tool in tools], "answers": texts}))


asyncio.run(main(sys.argv[1], output_schemas=sys.argv[2] == "output-schemas"))
