import { createServer, type Socket } from "node:net";

/** One request as it stood on the wire. */
export interface WireRequest {
  line: string;
  fields: [name: string, value: string][];
  content: string;
}

/** An origin that keeps every byte it is sent, answers each whole request, and frames them by the letter of RFC 9112. */
export interface RawOrigin extends AsyncDisposable {
  port: number;
  /** What came on each connection, read strictly. Throws when a connection brought anything but whole, clean requests. */
  requests(): WireRequest[];
  /** Forgets what came. */
  clear(): void;
}

/** Listens on a free port of 127.0.0.1. */
export async function startRawOrigin(): Promise<RawOrigin> {
  let received: { text: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let connection = { text: "" };
    let answered = 0;
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      if (!received.includes(connection)) {
        connection = { text: "" };
        answered = 0;
        received.push(connection);
      }
      connection.text += bytes.toString("latin1");
      for (const { length } = wholeRequests(connection.text); answered < length; answered++) {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    requests: () => received.flatMap(({ text }) => strictly(text)),
    clear: () => {
      received = [];
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function wholeRequests(text: string): WireRequest[] {
  return read(text).requests;
}

function strictly(text: string): WireRequest[] {
  const { requests, rest } = read(text);
  if (rest !== "") throw new Error(`the origin was sent something that is no request: ${JSON.stringify(rest)}`);
  return requests;
}

function read(text: string): { requests: WireRequest[]; rest: string } {
  const requests: WireRequest[] = [];
  let rest = text;
  for (;;) {
    const head = /^([A-Z]+ \S+ HTTP\/1\.1)\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\r\n\0]*\r\n)*)\r\n/.exec(rest);
    if (head === null) return { requests, rest };
    const fields = (head[2] ?? "")
      .split("\r\n")
      .slice(0, -1)
      .map(
        (line) =>
          [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)] as [string, string],
      );
    const content = contentOf(rest.slice(head[0].length), fields);
    if (content === undefined) return { requests, rest };
    requests.push({ line: head[1] ?? "", fields, content: content.text });
    rest = rest.slice(head[0].length + content.bytes);
  }
}

/** Undefined until it is whole, and for framing that two readers could take for two things. */
function contentOf(rest: string, fields: [string, string][]): { text: string; bytes: number } | undefined {
  const lengths = fields.filter(([name]) => name === "content-length");
  const codings = fields.filter(([name]) => name === "transfer-encoding");
  if (lengths.length + codings.length > 1) return undefined;
  if (codings.length === 0) {
    const size = Number(lengths[0]?.[1] ?? 0);
    return rest.length < size ? undefined : { text: rest.slice(0, size), bytes: size };
  }
  if (codings[0]?.[1] !== "chunked") return undefined;
  let text = "";
  let at = 0;
  for (;;) {
    const line = /^([0-9a-f]+)\r\n/i.exec(rest.slice(at));
    if (line === null) return undefined;
    const size = Number.parseInt(line[1] ?? "", 16);
    const start = at + line[0].length;
    if (size === 0) {
      const end = /^(?:[^\r\n]+\r\n)*\r\n/.exec(rest.slice(start));
      return end === null ? undefined : { text, bytes: start + end[0].length };
    }
    if (rest.slice(start + size, start + size + 2) !== "\r\n") return undefined;
    text += rest.slice(start, start + size);
    at = start + size + 2;
  }
}
