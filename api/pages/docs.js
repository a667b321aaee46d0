"use strict";
// Draws /v1/openapi.json with DOM calls only: what the document says is text, never markup.

const element = (name, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};

const resolve = (api, schema) =>
  schema && schema.$ref ? resolve(api, api.components.schemas[schema.$ref.split("/").pop()]) : schema || {};

// An example of a schema, for a body to start from.
const example = (api, given, depth = 0) => {
  const schema = resolve(api, given);
  if (depth > 6) return null;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(api, schema.anyOf[0], depth + 1);
  if (schema.type === "array") return [example(api, schema.items, depth + 1)];
  if (schema.type === "object") {
    const entries = Object.entries(schema.properties || {});
    return Object.fromEntries(entries.map(([name, of]) => [name, example(api, of, depth + 1)]));
  }
  return { integer: 0, boolean: false, string: "" }[schema.type] ?? null;
};

const field = (name, note, input) => element("label", {}, `${name}${note ? ` — ${note}` : ""}`, input);

const parameterInputs = (operation) =>
  (operation.parameters || []).map((parameter) => {
    const input = element("input", { required: parameter.required });
    return { parameter, input, label: field(parameter.name, parameter.description, input) };
  });

const bodyInputs = (api, operation) => {
  const content = (operation.requestBody || {}).content || {};
  if (content["application/json"]) {
    const text = JSON.stringify(example(api, content["application/json"].schema), null, 2);
    const area = element("textarea", { value: text });
    return { labels: [field("Body", "JSON", area)], make: () => ({ body: area.value, type: "application/json" }) };
  }
  if (!content["multipart/form-data"]) return { labels: [], make: () => ({}) };
  const properties = resolve(api, content["multipart/form-data"].schema).properties || {};
  const inputs = Object.entries(properties).map(([name, schema]) => {
    const isFile = JSON.stringify(schema).includes("octet-stream") || JSON.stringify(schema).includes("binary");
    const input = element("input", isFile ? { type: "file", multiple: schema.type === "array" } : {});
    return { name, input, label: field(name, schema.description, input) };
  });
  const make = () => {
    const form = new FormData();
    for (const { name, input } of inputs) {
      if (input.type === "file") for (const file of input.files) form.append(name, file, file.name);
      else if (input.value) form.append(name, input.value);
    }
    return { body: form };
  };
  return { labels: inputs.map((each) => each.label), make };
};

const send = async (method, path, parameters, body, output) => {
  const query = new URLSearchParams();
  let url = path;
  for (const { parameter, input } of parameters) {
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "query" && input.value) query.set(parameter.name, input.value);
  }
  const headers = {};
  const key = document.getElementById("key").value;
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body.type) headers["Content-Type"] = body.type;
  output.textContent = "…";
  try {
    const answer = await fetch(query.size ? `${url}?${query}` : url, { method, headers, body: body.body });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it came */ }
    output.textContent = `${answer.status} ${answer.statusText}\n${shown}`;
  } catch (error) {
    output.textContent = String(error);
  }
};

const drawOperation = (api, method, path, operation) => {
  const parameters = parameterInputs(operation);
  const body = bodyInputs(api, operation);
  const output = element("pre", { hidden: true });
  const button = element("button", { textContent: "Send" });
  button.addEventListener("click", () => {
    output.hidden = false;
    send(method, path, parameters, body.make(), output);
  });
  const roles = operation["x-roles"] ? `Roles: ${operation["x-roles"].join(", ")}` : "Open to anybody";
  return element(
    "details",
    {},
    element("summary", {}, element("code", { textContent: `${method} ${path}` }), ` ${operation.summary}`),
    element("p", { textContent: operation.description || "" }),
    element("p", { className: "roles", textContent: roles }),
    ...parameters.map((each) => each.label),
    ...body.labels,
    button,
    output,
  );
};

const draw = async () => {
  const api = await (await fetch("/v1/openapi.json")).json();
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(item)) {
      const tag = (operation.tags || [""]).at(-1);
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(drawOperation(api, method.toUpperCase(), path, operation));
    }
  const sections = [...groups].map(([tag, drawn]) => element("section", {}, element("h2", { textContent: tag }), ...drawn));
  document.getElementById("routes").replaceChildren(...sections);
};

draw();
