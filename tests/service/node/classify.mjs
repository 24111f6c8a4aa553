// Runs the calls that standard input describes with Hugging Face's client, and prints what each one came to.
//
// In: {"token": string | null, "calls": [{"endpoint": URL, "arguments": {…}}, …]}. Out: for each call, in order,
// {"answer": …} or {"error": {"name", "message", "status", "body"}}. Calls run at the same time if "together" is true.

import { readFileSync } from "node:fs";
import { InferenceClient, textClassification } from "@huggingface/inference";

const { token, together, calls } = JSON.parse(readFileSync(0, "utf8"));
const client = new InferenceClient(token ?? undefined);

async function run(call) {
  try {
    if (call.style === "function") {
      return { answer: await textClassification({ endpointUrl: call.endpoint, ...call.arguments }) };
    }
    return { answer: await client.endpoint(call.endpoint).textClassification(call.arguments) };
  } catch (error) {
    const { name, message, httpResponse } = error;
    return { error: { name, message, status: httpResponse?.status ?? null, body: httpResponse?.body ?? null } };
  }
}

const results = [];
if (together) {
  results.push(...(await Promise.all(calls.map(run))));
} else {
  for (const call of calls) results.push(await run(call));
}
process.stdout.write(JSON.stringify(results));
