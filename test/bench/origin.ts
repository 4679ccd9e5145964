/** The origin behind every server under test. */
export interface BenchOrigin extends AsyncDisposable {
  url: string;
  port: number;
  /** Requests so far: during a measurement there must be none. */
  requests(): number;
}

/** Fields that the origin sends with every body. */
export function originFields(target: string): [string, string][] {
  return [
    ["Content-Type", "application/octet-stream"],
    ["Cache-Control", "public, max-age=86400"],
    ["ETag", `"${Bun.hash(target).toString(16)}"`],
    ["Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT"],
  ];
}

/** Serves the bodies by target from memory. */
export function startOrigin(bodies: ReadonlyMap<string, Uint8Array>): BenchOrigin {
  let requests = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      requests += 1;
      const target = new URL(request.url).pathname;
      const body = bodies.get(target);
      if (body === undefined) return new Response("no such body\n", { status: 404 });
      // nginx answers ranges from its cache only for an origin that claims to know them.
      return new Response(body, { headers: [...originFields(target), ["Accept-Ranges", "bytes"]] });
    },
  });
  const port = server.port ?? 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: () => requests,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
