import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the source saw it. */
export interface SourceRequest {
  path: string;
  first: number;
  last: number;
}

/** How a source answers; `first` and `last` say what was asked for. */
export type Behaviour = (
  request: { first: number; last: number; number: number; isRange: boolean },
  response: ServerResponse,
) => void | Promise<void>;

/** A local source of one object's bytes that misbehaves as told, and remembers what it was asked for. */
export async function startSource(bytes: Uint8Array, behave?: Behaviour) {
  const requests: SourceRequest[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const first = range === null ? 0 : Number(range[1]);
    const last = range === null ? bytes.length - 1 : Number(range[2]);
    requests.push({ path: request.url ?? "", first, last });
    const asked = { first, last, number: requests.length, isRange: range !== null };
    await (behave ?? sendAll(bytes))(asked, response);
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/fill/ticket`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An honest answer. */
export function sendAll(bytes: Uint8Array): Behaviour {
  return ({ first, last, isRange }, response) => {
    writeHead(bytes, { first, last, isRange }, response);
    response.end(bytes.subarray(first, last + 1));
  };
}

/** The head of an honest answer: 206 for a range, 200 otherwise, with the Content-Length that belongs to it. */
export function writeHead(
  bytes: Uint8Array,
  { first, last, isRange }: { first: number; last: number; isRange: boolean },
  response: ServerResponse,
): void {
  const length = { "Content-Length": String(last - first + 1) };
  if (isRange) response.writeHead(206, { ...length, "Content-Range": `bytes ${first}-${last}/${bytes.length}` });
  else response.writeHead(200, length);
}
