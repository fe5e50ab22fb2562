/** A page that shows `/openapi.json` and tries calls. All that it shows is set as text: no name or schema becomes markup. */
export function docsHtml(): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Services</title><style>${DOCS_STYLE}</style></head>
<body><h1>Services</h1>
<p>As <a href="/openapi.json">OpenAPI 3.1</a>. Credentials: <input id="token" type="password" placeholder="Bearer token" autocomplete="off"></p>
<main id="services">…</main><script>${DOCS_SCRIPT}</script></body></html>
`;
}

export const DOCS_STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff }
details { border: 1px solid #ccc; border-radius: 4px; margin: .5rem 0; padding: .3rem .8rem }
summary { cursor: pointer; font-family: ui-monospace, monospace }
textarea { width: 100%; min-height: 5rem; box-sizing: border-box; font: 13px ui-monospace, monospace }
pre { background: #f4f4f4; padding: .5rem; overflow: auto; max-height: 24rem; font-size: 13px }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b } pre { background: #2a2a2a } }
`;

export const DOCS_SCRIPT = `
"use strict";
const make = (tag, text, parent) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
};
const pretty = (value) => JSON.stringify(value, null, 2);
const schemaOf = (api, content) => {
  const schema = Object.values(content || {})[0]?.schema;
  const name = schema?.$ref?.split("/").pop();
  return name === undefined ? schema : api.components.schemas[name];
};
async function call(path, type, input, output) {
  output.textContent = "…";
  const headers = {};
  const token = document.getElementById("token").value;
  if (token !== "") headers.authorization = "Bearer " + token;
  if (input !== "") headers["content-type"] = type;
  try {
    const answer = await fetch(path, { method: "POST", headers, ...(input !== "" && { body: input }) });
    output.textContent = answer.status + " " + answer.statusText + "\\n";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read())
      output.textContent = (output.textContent + next.value).slice(0, 100000);
  } catch (error) {
    output.textContent = String(error);
  }
}
function show(api, path, operation, parent) {
  const box = make("details", undefined, parent);
  make("summary", path, box);
  make("p", operation.description, box);
  const body = operation.requestBody?.content;
  make("p", "Input", box);
  make("pre", pretty(schemaOf(api, body)), box);
  make("p", "Output", box);
  make("pre", pretty(schemaOf(api, operation.responses["200"].content)), box);
  const input = make("textarea", undefined, box);
  input.placeholder = "JSON, or nothing";
  const button = make("button", "POST " + path, make("p", undefined, box));
  const output = make("pre", "", box);
  button.addEventListener("click", () => call(path, Object.keys(body)[0], input.value.trim(), output));
}
(async () => {
  const main = document.getElementById("services");
  const api = await (await fetch("/openapi.json")).json();
  main.textContent = "";
  for (const tag of api.tags) {
    make("h2", tag.name + ", " + tag.description, main);
    for (const [path, item] of Object.entries(api.paths))
      if (item.post.tags[0] === tag.name) show(api, path, item.post, main);
  }
})().catch((error) => { document.getElementById("services").textContent = String(error); });
`;
