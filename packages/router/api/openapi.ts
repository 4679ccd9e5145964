import { z } from "zod";
import type { AnswerDoc, Call } from "./call.ts";
import { NO_CALL, refusalsOf } from "./common-refusals.ts";
import { SCOPE_NAMES, SCOPES } from "./scopes.ts";

type Json = Record<string, unknown>;

const VERSION = "1.0.0";
const ABOUT = [
  "Everything that can be seen and changed of a NESON Router: sites and their rules, keys, Terminals, who changed what.",
  "Send `Authorization: Bearer KEY`. Every refusal is a problem (RFC 9457) whose `code` is stable.",
  "A POST may carry an `Idempotency-Key`: repeated within a day, it is carried out once and answered the same.",
].join(" ");

/** What is said of each area of calls; the linter refuses an area without a line here. */
const AREAS: Record<string, string> = {
  network: "The network as a whole, and this API",
  sites: "Websites and their settings",
  traffic: "What sites are asked for, as figures and request by request",
  spend: "What sites cost, the limit to it, and who is told",
  purge: "Taking stored responses out of the network",
  prefetch: "Pulling responses ahead of demand",
  keys: "Keys of this API",
  audit: "Who changed what",
  terminals: "Terminals and the objects they hold",
};

const problemSchema = z.object({
  type: z.string().describe("leads to what is said of this kind of problem"),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().describe("what was tried, what was found, what is allowed"),
  instance: z.string().describe("this very occurrence, by its request id"),
  code: z.string().describe("stable, for programs"),
  errors: z
    .array(z.object({ field: z.string(), found: z.string(), allowed: z.string() }))
    .optional()
    .describe("each field that is wrong"),
});

/** The calls as an OpenAPI 3.1 document. */
export function openApiDocument(calls: readonly Call[]): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const call of calls) {
    paths[call.path] ??= {};
    Object.assign(paths[call.path] ?? {}, { [call.method.toLowerCase()]: operation(call, schemas) });
  }
  const areas = [...new Set(calls.map(({ area }) => area))];
  return {
    openapi: "3.1.0",
    info: {
      ...{ title: "NESON control API", version: VERSION, description: ABOUT },
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/api/v1", description: "this Router" }],
    tags: areas.map((name) => ({ name, description: AREAS[name] })),
    security: [{ key: [] }],
    paths,
    components: {
      schemas: { ...schemas, Problem: jsonSchema(problemSchema, "output", schemas) },
      securitySchemes: { key: { type: "http", scheme: "bearer", description: describeScopes() } },
    },
  };
}

function describeScopes(): string {
  const lines = SCOPE_NAMES.map((name) => `\`${name}\`: ${SCOPES[name]}`);
  return `A key, or the operator's token of admin.json. What a key may do is its scopes: ${lines.join("; ")}.`;
}

function operation(call: Call, schemas: Json): Json {
  const about = [call.about, call.scope === "public" ? undefined : `Needs the scope \`${call.scope}\`.`];
  const description = about.filter((line) => line !== undefined).join(" ");
  return {
    ...{ operationId: call.id, tags: [call.area], summary: call.summary },
    ...(description !== "" && { description }),
    ...(call.scope === "public" ? { security: [] } : { "x-scope": call.scope }),
    parameters: [
      ...parameters(call.params, "path", schemas),
      ...parameters(call.query, "query", schemas),
      ...conditions(call),
    ],
    ...(call.body !== undefined && { requestBody: requestBody(call, call.body, schemas) }),
    responses: responses(call, schemas),
  };
}

function parameters(shape: z.ZodObject, place: "path" | "query", schemas: Json): Json[] {
  return Object.entries(shape.shape).map(([name, field]) => {
    const { description, ...schema } = jsonSchema(field as z.ZodType, "input", schemas);
    const isRequired = place === "path" || !(field as z.ZodType).safeParse(undefined).success;
    return { name, in: place, required: isRequired, ...(description !== undefined && { description }), schema };
  });
}

/** The request fields that a call heeds. */
function conditions(call: Call): Json[] {
  const field = (name: string, description: string) => ({
    ...{ name, in: "header", required: false, description },
    schema: { type: "string", maxLength: 1000 },
  });
  const fields: Json[] = [];
  if (call.isVersioned && call.method === "GET")
    fields.push(field("If-None-Match", "304 when it is still that version"));
  if (call.isVersioned && call.method !== "GET") {
    fields.push(field("If-Match", "change it only while it is still that version"));
    if (call.method === "PUT") fields.push(field("If-None-Match", '"*": only when there is none yet'));
  }
  if (call.method === "POST")
    fields.push(field("Idempotency-Key", "1 to 128 visible ASCII characters, such as a UUID"));
  return fields;
}

function requestBody(call: Call, body: z.ZodType, schemas: Json): Json {
  const schema = jsonSchema(body, "input", schemas);
  const content = { schema, ...(call.bodyExample !== undefined && { example: call.bodyExample }) };
  const isRequired = !body.safeParse(undefined).success;
  return { required: isRequired, content: { [call.bodyType ?? "application/json"]: content } };
}

function responses(call: Call, schemas: Json): Json {
  const answers = Object.entries(call.answers).map(([status, doc]) => [status, answer(doc, call, schemas)]);
  const unchanged =
    call.isVersioned && call.method === "GET" ? [["304", { description: "still the version of If-None-Match" }]] : [];
  const refusals = refusalsOf(call).filter(({ code }) => !NO_CALL.some((other) => other.code === code));
  const statuses = [...new Set(refusals.map(({ status }) => status))].sort();
  const refused = statuses.map((status) => {
    const lines = refusals
      .filter((refusal) => refusal.status === status)
      .map(({ code, when }) => `\`${code}\`: ${when}`);
    const schema = { $ref: "#/components/schemas/Problem" };
    return [String(status), { description: lines.join("; "), content: { "application/problem+json": { schema } } }];
  });
  return Object.fromEntries([...answers, ...unchanged, ...refused]);
}

function answer({ description, schema, form, example }: AnswerDoc, call: Call, schemas: Json): Json {
  const headers = call.isVersioned
    ? { headers: { ETag: { description: "names this version", schema: { type: "string" } } } }
    : {};
  if (schema === undefined && form === undefined) return { description, ...headers };
  const type = form === undefined ? "application/json" : form === "lines" ? "application/x-ndjson" : form;
  const content = {
    schema: schema === undefined ? { type: "string" } : jsonSchema(schema, "output", schemas),
    ...(example !== undefined && { example }),
  };
  return { description, ...headers, content: { [type]: content } };
}

/** A schema as the document shows it; named ones inside go to `schemas` and are referred to. */
function jsonSchema(schema: z.ZodType, io: "input" | "output", schemas: Json): Json {
  const { $schema, $defs, ...own } = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" }) as Json;
  const suffix = io === "input" ? "Sent" : "";
  for (const [name, named] of Object.entries(($defs ?? {}) as Record<string, Json>)) {
    const { id, ...rest } = named;
    schemas[name + suffix] = referring(rest, suffix);
  }
  const { id, ...rest } = own;
  if (typeof id !== "string") return referring(rest, suffix) as Json;
  schemas[id + suffix] = referring(rest, suffix);
  return { $ref: `#/components/schemas/${id}${suffix}` };
}

/** The same JSON with references to where the document keeps named schemas. */
function referring(value: unknown, suffix: string): unknown {
  if (Array.isArray(value)) return value.map((item) => referring(item, suffix));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name === "$ref" && typeof inner === "string"
        ? `${inner.replace("#/$defs/", "#/components/schemas/")}${suffix}`
        : referring(inner, suffix),
    ]),
  );
}
