"""The MCP server: the tools, the prompt and the resources, as the protocol has them.

It is the SDK's low-level server. The other one, MCPServer, checks arguments before a tool sees them, and
refuses them in words that don't say what to do.
"""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool

from finetune_advisor import __version__
from finetune_advisor.agents import interview_prompt
from finetune_advisor.agents.tool import Tool
from finetune_advisor.agents.tools import ToolError, Tools, UnknownToolError
from finetune_advisor.agents.tree_resources import TreeResource, list_tree_resources
from finetune_advisor.schemas.error_details import unknown_name_detail
from finetune_advisor.trees.catalog import Catalog, RetiredVersionError, UnknownVersionError

Context = ServerRequestContext[Any, Any]
READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)


def build_server(catalog: Catalog) -> Server[Any]:
    """Build the server for the trees of a catalog. One server serves any number of connections."""
    handlers = _Handlers(catalog)
    server: Server[Any] = Server(
        "finetune-advisor",
        version=__version__,
        title="Finetune Advisor",
        instructions=interview_prompt.SERVER_INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
        on_list_resources=handlers.list_resources,
        on_read_resource=handlers.read_resource,
    )
    server.middleware.append(handlers.refuse_other_arguments)
    return server


class _Handlers:
    """Answers the requests of the protocol."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tools = Tools(catalog)
        self._resources = list_tree_resources(catalog)

    async def list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_list_tool(tool) for tool in self._tools.by_name.values()])

    async def call_tool(self, _: Context, params: CallToolRequestParams) -> CallToolResult:
        return await self._call(params.name, params.arguments)

    async def refuse_other_arguments(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Answer calls whose arguments aren't an object, which the SDK would refuse as a protocol error.

        A host may keep protocol errors from its model, which could not correct the call then.
        """
        params = ctx.params or {}
        name, arguments = params.get("name"), params.get("arguments")
        is_call = ctx.method == "tools/call" and isinstance(name, str)
        if not is_call or arguments is None or isinstance(arguments, dict):
            return await call_next(ctx)
        return await self._call(str(name), arguments)

    async def _call(self, name: str, arguments: Any) -> CallToolResult:
        try:
            # Calls compute, some for seconds: in a thread, they leave other requests their turn.
            answer = await to_thread.run_sync(self._tools.call, name, arguments)
        except UnknownToolError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        content: list[Any] = [TextContent(text=answer.text)]
        if isinstance(answer, ToolError):
            return CallToolResult(content=content, is_error=True)
        return CallToolResult(content=content, structured_content=dict(answer.data))

    async def list_prompts(self, _: Context, __: PaginatedRequestParams | None) -> ListPromptsResult:
        default = self._catalog.default.version
        arguments = [
            PromptArgument(name="tree_version", description=f"The tree's version. Default: {default}."),
            PromptArgument(name="known", description="What is known so far, in any words."),
        ]
        prompt = Prompt(
            name=interview_prompt.PROMPT_NAME,
            title=interview_prompt.PROMPT_TITLE,
            description=interview_prompt.PROMPT_DESCRIPTION,
            arguments=arguments,
        )
        return ListPromptsResult(prompts=[prompt])

    async def get_prompt(self, _: Context, params: GetPromptRequestParams) -> GetPromptResult:
        if params.name != interview_prompt.PROMPT_NAME:
            raise MCPError(
                INVALID_PARAMS, f"there is no such prompt; known is {interview_prompt.PROMPT_NAME}"
            )
        arguments = params.arguments or {}
        try:
            tree = self._catalog.pick(arguments.get("tree_version") or None)
        except (UnknownVersionError, RetiredVersionError) as error:
            raise MCPError(INVALID_PARAMS, f"tree_version: {error}") from None
        known = arguments.get("known", "")
        if len(known) > (limit := interview_prompt.MAX_KNOWN_LENGTH):
            raise MCPError(INVALID_PARAMS, f"known: more than {limit:,} characters; say it in fewer")
        text = interview_prompt.render_interview_prompt(tree.version, known)
        message = PromptMessage(role="user", content=TextContent(text=text))
        return GetPromptResult(description=interview_prompt.PROMPT_DESCRIPTION, messages=[message])

    async def list_resources(self, _: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=[*map(_list_resource, self._resources.values())])

    async def read_resource(self, _: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        resource = self._resources.get(params.uri)
        if resource is None:
            raise MCPError(INVALID_PARAMS, unknown_name_detail(params.uri, [*self._resources]))
        text = await to_thread.run_sync(resource.read)
        contents = TextResourceContents(uri=resource.uri, mime_type=resource.mime_type, text=text)
        return ReadResourceResult(contents=[contents])


def _list_tool(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.input_schema),
        output_schema=dict(tool.output_schema),
        annotations=READ_ONLY,
    )


def _list_resource(resource: TreeResource) -> Resource:
    return Resource(
        uri=resource.uri,
        name=resource.name,
        description=resource.description,
        mime_type=resource.mime_type,
    )
