/* JSON schemas in words: types, limits, the fields of objects. No DOM. */

import { counted, integer } from "./format.js";

const PREFIX = "#/components/schemas/";

export class Schemas {
  /** @param {Object<string, object>} named the schemas that references lead to */
  constructor(named) {
    this.named = named;
  }

  /** The schema itself where there is a reference; keywords beside the reference count. */
  resolve(schema) {
    const { $ref, ...beside } = schema;
    return $ref === undefined ? schema : { ...this.resolve(this.named[nameOf($ref)]), ...beside };
  }

  /** What a value is: "string, at most 100,000 characters, or null". */
  type(schema) {
    if (schema.$ref !== undefined) return nameOf(schema.$ref);
    if ("const" in schema) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (schema.type === undefined && schema.anyOf) return schema.anyOf.map((one) => this.type(one)).join(", or ");
    return [this.kind(schema), ...limits(schema)].join(", ");
  }

  kind({ type, items, additionalProperties }) {
    if (type === undefined) return "anything";
    if (Array.isArray(type)) return type.join(" or ");
    if (type === "array") return items ? `list of ${this.type(items)}` : "list";
    if (type === "object" && additionalProperties) return `object whose values are each ${this.type(additionalProperties)}`;
    return type;
  }

  /**
   * The objects that a value is made of, wherever in lists and choices they are.
   *
   * @returns {{name: string | null, description: string, fields: object[]}[]} each with `name`, `required`, `schema`
   */
  objects(schema) {
    const whole = this.resolve(schema);
    if (whole.properties) {
      const required = new Set(whole.required);
      const fields = Object.entries(whole.properties).map(([name, field]) => ({
        name,
        required: required.has(name),
        schema: field,
        description: field.description ?? "",
      }));
      return [{ name: schema.$ref ? nameOf(schema.$ref) : null, description: whole.description ?? "", fields }];
    }
    const inside = [...(whole.anyOf ?? []), whole.items, whole.additionalProperties];
    return inside.filter((one) => one && typeof one === "object").flatMap((one) => this.objects(one));
  }
}

function nameOf(reference) {
  return reference.slice(PREFIX.length);
}

function limits(schema) {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  return [
    range(minimum, maximum, (number) => integer(number)),
    range(minLength, maxLength, (number) => counted(number, "character")),
    range(minItems, maxItems, (number) => counted(number, "item")),
    pattern && `matching ${pattern}`,
  ].filter(Boolean);
}

function range(least, most, words) {
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return `at least ${words(least)}`;
  if (least === undefined) return `at most ${words(most)}`;
  return least === most ? `exactly ${words(least)}` : `${integer(least)} to ${words(most)}`;
}
