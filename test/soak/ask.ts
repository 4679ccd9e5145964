import http from "node:http";

/** What came of one request, redirects to Terminals followed. */
export interface Reply {
  /** 0 when no answer came at all. */
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  /** True when the body broke off. */
  wasCut: boolean;
  /** Whether a Terminal answered in the end. */
  isFromTerminal: boolean;
}

/** One request of the soak. */
export interface Ask {
  method: "GET" | "HEAD" | "POST";
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
}

const ASK_MS = 60_000;

/** Asks a Router, and the Terminal that it names. Never rejects. */
export async function ask(site: URL, agent: http.Agent, asked: Ask): Promise<Reply> {
  const host = site.host;
  const first = await send(`http://127.0.0.1:${site.port}${asked.path}`, agent, asked, { Host: host });
  const location = first.headers.location;
  if (first.status !== 307 || location === undefined) return { ...first, isFromTerminal: false };
  const second = await send(location, agent, asked, {});
  const back = second.headers.location;
  if (second.status !== 307 || back === undefined) return { ...second, isFromTerminal: true };
  // A Terminal that lacks the object sends the client back, once.
  const third = await send(`http://127.0.0.1:${site.port}${asked.path}`, agent, asked, { Host: host });
  return { ...third, isFromTerminal: false };
}

function send(
  url: string,
  agent: http.Agent,
  { method, headers, body }: Ask,
  extra: Record<string, string>,
): Promise<Omit<Reply, "isFromTerminal">> {
  const nothing = { status: 0, headers: {}, body: Buffer.alloc(0), wasCut: true };
  return new Promise((resolve) => {
    const request = http.request(url, {
      ...{ method, agent, headers: { ...headers, ...extra } },
      signal: AbortSignal.timeout(ASK_MS),
    });
    request.on("error", () => resolve(nothing));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      const done = (wasCut: boolean) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          wasCut,
        });
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", () => done(true));
      response.on("close", () => done(!response.complete));
    });
    request.end(body);
  });
}
