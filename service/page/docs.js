/* The API documentation: every route of openapi.json, in groups. */

import { ApiError, openapi } from "./api.js";
import { copy } from "./clipboard.js";
import { request } from "./curl.js";
import { html } from "./element.js";
import { Schemas } from "./schema.js";
import { switchScheme } from "./scheme.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const JSON_TYPE = "application/json";

const byId = (id) => document.getElementById(id);
let schemas;

switchScheme(byId("theme"));
byId("reconnect").addEventListener("click", start);
start();

async function start() {
  byId("offline").hidden = true;
  let described;
  try {
    described = await openapi();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    byId("offline-message").textContent = error.message;
    byId("offline").hidden = false;
    return;
  }
  schemas = new Schemas(described.components.schemas);
  byId("version").textContent = described.info.version;
  const groups = described.tags.map((tag) => ({ ...tag, id: slug(tag.name), operations: operations(described, tag.name) }));
  byId("contents").replaceChildren(...groups.map(entries));
  byId("routes").replaceChildren(...groups.map(section));
  byId("routes").setAttribute("aria-busy", "false");
  const target = byId(location.hash.slice(1));
  if (!target) return;
  location.replace(location.hash); // now that it is there, the browser goes to it and marks it
}

/** The operations of a group, in the order of the document. */
function operations({ paths }, tag) {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]?.tags.includes(tag)).map((method) => ({
      ...item[method],
      path,
      method,
      id: slug(`${method} ${path}`),
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])],
    })),
  );
}

/** A name for the part of an address after its #. */
function slug(name) {
  return name.toLowerCase().replaceAll(/[^a-z0-9.]+/g, "-").replaceAll(/^-|-$/g, "");
}

function entries({ name, id, operations }) {
  const links = operations.map((operation) => {
    const link = html("a", { href: `#${operation.id}` }, `${operation.method.toUpperCase()} `, ...breakable(operation.path));
    return html("li", {}, link);
  });
  return html("div", {}, html("h2", {}, html("a", { href: `#${id}` }, name)), html("ul", {}, ...links));
}

/** A path that may go on in the next line before each of its slashes. */
function breakable(path) {
  return path.split(/(?=\/)/).flatMap((part, index) => (index ? [html("wbr"), part] : [part]));
}

function section({ name, id, description, operations }) {
  const parts = [html("h2", { id }, name), html("p", { class: "about" }, ...prose(description)), ...operations.map(article)];
  return html("section", { class: "group", "aria-labelledby": id }, ...parts);
}

function article(operation) {
  const { id, method, path, summary, description, security, parameters, requestBody } = operation;
  const name = [html("span", { class: `method ${method}` }, method.toUpperCase()), html("span", { class: "path" }, path)];
  const parts = [html("h3", {}, html("a", { href: `#${id}` }, ...name)), html("p", {}, ...prose(summary))];
  if (description) parts.push(html("p", { class: "about" }, ...prose(description)));
  if (security) parts.push(html("p", { class: "about" }, "Needs an API key."));
  if (parameters.length) parts.push(html("h4", {}, "Parameters"), html("ul", { class: "fields" }, ...parameters.map(parameter)));
  if (requestBody) parts.push(...body(requestBody));
  parts.push(html("h4", {}, "From a terminal"), ...examples(operation), ...responses(operation.responses));
  return html("article", { class: "operation", id, "aria-label": `${method.toUpperCase()} ${path}` }, ...parts);
}

function parameter({ name, in: place, required, schema, description = "" }) {
  return field({ name, required, schema, description }, [], place);
}

/** One named value, with the fields of what it is made of; `trail` has the schemas that it is part of. */
function field({ name, required, schema, description }, trail, place) {
  const type = place ? `${schemas.type(schema)}, in the ${place}` : schemas.type(schema);
  const parts = [html("code", { class: "name" }, name)];
  if (required) parts.push(html("span", { class: "required" }, "required"), " ");
  parts.push(html("span", { class: "type" }, type));
  if (description) parts.push(html("p", {}, ...prose(description)));
  return html("li", {}, ...parts, ...objects(schema, trail));
}

function objects(schema, trail = []) {
  return schemas.objects(schema).flatMap(({ name, description, fields }) => {
    if (name && trail.includes(name)) return [];
    const inside = name ? [...trail, name] : trail;
    const titled = name && name !== schemas.type(schema);
    const title = [...(titled ? [html("b", {}, name), " "] : []), ...prose(description)];
    return [
      ...(title.length ? [html("p", { class: "object" }, ...title)] : []),
      html("ul", { class: "fields" }, ...fields.map((one) => field(one, inside))),
    ];
  });
}

function body({ required, content }) {
  return Object.entries(content).flatMap(([type, { schema }]) => {
    const about = ` ${type}, ${schemaName(schema)}${required ? ", required" : ""}`;
    return [html("h4", {}, "Body", html("span", { class: "about" }, about)), ...objects(schema)];
  });
}

/** Answers by status; refusals with the same body are followed by one description of it. */
function responses(byStatus) {
  const rows = [];
  let refusals;
  for (const [status, { description, content = {}, headers = {} }] of Object.entries(byStatus)) {
    const told = [html("p", {}, ...prose(description))];
    const named = Object.entries(headers).map(([name, { schema, description = "" }]) =>
      field({ name, required: false, schema, description }, [], "header"),
    );
    if (named.length) told.push(folded("Headers", html("ul", { class: "fields" }, ...named)));
    for (const [type, { schema }] of Object.entries(content)) {
      if (status >= "400") refusals = { type, schema };
      const about = `${type}: ${schemaName(schema)}`;
      const inside = status < "400" ? objects(schema) : [];
      told.push(inside.length ? folded(about, ...inside) : html("p", { class: "type" }, about));
    }
    rows.push(html("li", {}, html("span", { class: "status" }, status), html("div", {}, ...told)));
  }
  const parts = [html("h4", {}, "Answers"), html("ul", { class: "responses" }, ...rows)];
  if (refusals) {
    const { type, schema } = refusals;
    parts.push(folded(`What a refusal says: ${type}, ${schemaName(schema)}`, ...objects(schema)));
  }
  return parts;
}

function schemaName(schema) {
  return schema.$ref || schema.type ? schemas.type(schema) : (schema.description ?? "anything");
}

function folded(title, ...inside) {
  return html("details", {}, html("summary", {}, title), ...inside);
}

/** A command line for each example, or the only one there is for a route without a body. */
function examples({ path, parameters, security, requestBody }) {
  const examples = Object.values(requestBody?.content[JSON_TYPE]?.examples ?? {});
  const route = filled(path, parameters).slice(1);
  if (!examples.length) return [example("", request(route, Boolean(security)))];
  return examples.map(({ summary, value }) => example(summary, request(route, Boolean(security), value)));
}

function example(summary, line) {
  const button = html("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", () => copy(button, line));
  const code = html("pre", { tabindex: "0", "aria-label": "Command line" }, html("code", {}, line));
  return html("figure", { class: "example" }, html("figcaption", {}, summary, button), code);
}

/** The path with its parameters: an example where there is one, else the name in capitals, to be replaced. */
function filled(path, parameters) {
  return path.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const example = parameters.find((one) => one.in === "path" && one.name === name)?.example;
    return example === undefined ? name.toUpperCase() : encodeURIComponent(example);
  });
}

/** Text with what stands between backticks as code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? html("code", {}, part) : part)).filter(Boolean);
}
