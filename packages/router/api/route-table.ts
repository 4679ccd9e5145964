import type { Call } from "./call.ts";

/** What a path leads to. */
export interface Route {
  /** By method. */
  calls: ReadonlyMap<string, Call>;
  /** What stands for the parameters, decoded, unjudged. */
  params: Record<string, string>;
}

interface Template {
  segments: string[];
  calls: Map<string, Call>;
}

/** Finds calls by path; literal segments win over parameters. @throws Error when two calls have one method and path */
export function createRouteTable(calls: readonly Call[]): (path: string) => Route | undefined {
  const templates = new Map<string, Template>();
  for (const call of calls) {
    const template = templates.get(call.path) ?? { segments: call.path.split("/"), calls: new Map() };
    if (template.calls.has(call.method)) throw new Error(`two calls are ${call.method} ${call.path}`);
    template.calls.set(call.method, call);
    templates.set(call.path, template);
  }
  const ordered = [...templates.values()].sort((a, b) => parameters(a) - parameters(b));
  return (path) => {
    const given = path.split("/");
    for (const { segments, calls } of ordered) {
      const params = match(segments, given);
      if (params !== undefined) return { calls, params };
    }
    return undefined;
  };
}

/** The methods a path answers to, as Allow lists them. */
export function allowedMethods({ calls }: Route): string {
  return [...calls.keys(), ...(calls.has("GET") ? ["HEAD"] : []), "OPTIONS"].sort().join(", ");
}

function match(segments: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  if (segments.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const text = given[index] ?? "";
    if (!segment.startsWith("{")) {
      if (segment !== text) return undefined;
      continue;
    }
    const decoded = decode(text);
    if (decoded === undefined || decoded === "") return undefined;
    params[segment.slice(1, -1)] = decoded;
  }
  return params;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parameters({ segments }: Template): number {
  return segments.filter((segment) => segment.startsWith("{")).length;
}
