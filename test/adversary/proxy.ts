import http from "node:http";
import type { AddressInfo } from "node:net";

/** A reverse proxy at a Terminal's public endpoint, as its owner could put there. */
export interface ReverseProxy extends AsyncDisposable {
  /** Its own origin, for `--endpoint`. */
  url: string;
  /** Bodies in which a byte was changed. */
  alteredBodies: number;
  /** Ticketed answers with a body, changed or not. */
  bodies: number;
  /** Where to send everything on to. */
  forwardTo(terminalUrl: string): void;
}

/**
 * Starts a proxy. With `altered` it changes the bytes at those offsets of the content (`first`, then one `every` so many) in ticketed
 * answers, and passes everything else (the Router's dial-back, errors) as it is; without, it is honest.
 */
export async function startProxy(
  host: string,
  options: { altered?: { first: number; every: number } } = {},
): Promise<ReverseProxy> {
  let target = "";
  const server = http.createServer((request, response) => {
    const { method, url = "/", headers } = request;
    const onward = http.request(`${target}${url}`, { method, headers, agent: false }, (answer) => {
      const status = answer.statusCode ?? 502;
      response.writeHead(status, answer.rawHeaders);
      const isTicketed = !url.startsWith("/v1/ping/") && (status === 200 || status === 206) && method === "GET";
      if (isTicketed) proxy.bodies += 1;
      let at = Number(/^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "")?.[1] ?? 0);
      let isAltered = false;
      answer.on("data", (chunk: Buffer) => {
        if (isTicketed && options.altered !== undefined && alter(chunk, at, options.altered) && !isAltered) {
          isAltered = true;
          proxy.alteredBodies += 1;
        }
        at += chunk.length;
        if (!response.write(chunk)) {
          answer.pause();
          response.once("drain", () => answer.resume());
        }
      });
      answer.on("end", () => response.end());
      answer.on("error", () => response.destroy());
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    onward.end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const proxy: ReverseProxy = {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    alteredBodies: 0,
    bodies: 0,
    forwardTo: (terminalUrl) => {
      target = terminalUrl;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Changes the bytes that are due in a chunk that starts at offset `at`; true when there was one. */
function alter(chunk: Buffer, at: number, { first, every }: { first: number; every: number }): boolean {
  let offset = first + Math.max(0, Math.ceil((at - first) / every)) * every;
  const isDue = offset < at + chunk.length;
  for (; offset < at + chunk.length; offset += every) chunk[offset - at] = (chunk[offset - at] ?? 0) ^ 0xff;
  return isDue;
}
