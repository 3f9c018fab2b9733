// Parses flowcharts with Mermaid itself: a line {"model"} in, a line of its nodes and edges out.
import { createInterface } from "node:readline";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<body></body>", { pretendToBeVisual: true });
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });

// Labels hold entities such as ﬂ°°35¶ß until Mermaid draws them; that's undone here as it does it.
function shown(label) {
  const html = label.replace(/ﬂ°°/g, "&#").replace(/ﬂ°/g, "&").replace(/¶ß/g, ";");
  const element = window.document.createElement("div");
  element.innerHTML = html.replace(/<br\s*\/?>/g, "\n");
  return element.textContent;
}

async function read(model) {
  await mermaid.parse(model);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(model);
  const nodes = [...db.getVertices().values()].map((one) => [one.id, shown(one.text), one.type, one.classes]);
  const edges = db.getEdges().map((one) => [one.start, one.end, shown(one.text)]);
  return { nodes, edges, title: db.getAccTitle() };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await read(JSON.parse(line).model);
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
