// Asks the MCP server by an official client for TypeScript: `mcp_client.mjs v1|v2 COMMAND-OR-URL [ARGUMENT…]`.
const [generation, target, ...args] = process.argv.slice(2);

const packages = {
  v1: {
    client: "@modelcontextprotocol/sdk/client/index.js",
    stdio: "@modelcontextprotocol/sdk/client/stdio.js",
    http: "@modelcontextprotocol/sdk/client/streamableHttp.js",
  },
  v2: {
    client: "@modelcontextprotocol/client",
    stdio: "@modelcontextprotocol/client/stdio",
    http: "@modelcontextprotocol/client",
  },
}[generation];

const { Client } = await import(packages.client);
const { StdioClientTransport } = await import(packages.stdio);
const { StreamableHTTPClientTransport } = await import(packages.http);

const transport = target.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(target))
  : new StdioClientTransport({ command: target, args });
const client = new Client({ name: "test", version: "1.0.0" });
await client.connect(transport);

// Once the tools are listed, the client checks the data of each answer against the tool's output schema.
const { tools } = await client.listTools();
const profile = {};
const asked = [];
let answer = await client.callTool({ name: "assess", arguments: {} });
while (answer.structuredContent.status === "undecided") {
  const { input } = answer.structuredContent.next_question;
  asked.push(input);
  profile[input] = false;
  answer = await client.callTool({ name: "assess", arguments: { profile } });
}
const calls = {
  explain: { profile, limit: 2 },
  compare_trees: { older: "1.0.0", newer: "2.0.0", profile },
  describe_input: { input: "data_sensitive" },
  assess: { profile: { data_sensitve: "yes" } },
};
const answers = {};
for (const [name, given] of Object.entries(calls)) {
  answers[name] = await client.callTool({ name, arguments: given });
}
const { resources } = await client.listResources();
const tree = await client.readResource({ uri: "finetune-advisor://trees/1.0.0" });
const prompt = await client.getPrompt({ name: "interview", arguments: { known: "nothing" } });
await client.close();

console.log(
  JSON.stringify({
    tools: tools.map((tool) => tool.name),
    asked,
    recommendation: answer.structuredContent.recommendation.id,
    errors: Object.fromEntries(Object.entries(answers).map(([name, one]) => [name, one.isError ?? false])),
    help: answers.assess.content[0].text,
    resources: resources.length,
    version: JSON.parse(tree.contents[0].text).version,
    prompt: prompt.messages[0].content.text,
  }),
);
