import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { startTestbed, until } from "../../packages/router/edge/testbed.ts";

const OK = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n`;
const SECRET = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 6\r\n\r\nsecret";

/** Bytes that are sent as they stand; then the connection stays open, unless it is to `end`. */
type Case = [name: string, bytes: string, then?: "end"];

/** What is not taken at all: the client is told 502. */
const REFUSED: Case[] = [
  ["header section too large", `${OK}X: ${"x".repeat(70_000)}\r\n\r\n`],
  ["too many fields", `${OK}${"a: b\r\n".repeat(300)}Content-Length: 0\r\n\r\n`],
  ["lengths that contradict", `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
  ["lengths that agree", `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ["list of lengths", `${OK}Content-Length: 5, 6\r\n\r\nhello!`],
  ...["-5", "+5", "0x5", "5 5", "five", "99999999999999999999"].map(
    (length): Case => [`length ${length}`, `${OK}Content-Length: ${length}\r\n\r\nhello`],
  ),
  ["length and chunked", `${CHUNKED}Content-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
  ...["gzip, chunked", "chunked, identity", "xchunked", "identity", "gzip", "chunked, chunked", "\x0bchunked"].map(
    (coding): Case => [`coding ${coding}`, `${OK}Transfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, "end"],
  ),
  ["chunked twice", `${CHUNKED}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
  ["chunked in HTTP/1.0", `${CHUNKED.replace("1.1", "1.0")}\r\n5\r\nhello\r\n0\r\n\r\n`, "end"],
  ...["zz", "-1", "10000000000000005", "", "5 5", "0x5"].map(
    (size): Case => [`chunk size ${JSON.stringify(size)}`, `${CHUNKED}\r\n${size}\r\nhello\r\n0\r\n\r\n`],
  ),
  ["chunks with bare LF", `${CHUNKED}\r\n5\nhello\n0\n\n`],
  ["chunk extension without end", `${CHUNKED}\r\n5;${"x".repeat(100_000)}\r\nhello\r\n0\r\n\r\n`],
  ["NUL in a value", `${OK}X: a\0b\r\nContent-Length: 0\r\n\r\n`],
  ["CR in a value", `${OK}X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n`],
  ["LF in a value", `${OK}X: a\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n`],
  ["control character in a value", `${OK}X: a\x01b\r\nContent-Length: 0\r\n\r\n`],
  ["folded line", `${OK}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
  ["space before a colon", `${OK}Content-Length : 5\r\n\r\nhello`],
  ["space in a name", `${OK}Con tent: 5\r\nContent-Length: 0\r\n\r\n`],
  ["empty name", `${OK}: 5\r\nContent-Length: 0\r\n\r\n`],
  ["line without a colon", `${OK}nonsense\r\nContent-Length: 0\r\n\r\n`],
  ["bare LF all over", `${OK}Content-Length: 5\r\n\r\nhello`.replaceAll("\r", "")],
  ["101 that nobody asked for", "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"],
  ["101 without a protocol", "HTTP/1.1 101 X\r\n\r\n"],
  ...["000", "099", "600", "999", "20", "2000", "abc", "-200"].map(
    (status): Case => [
      `status ${status}`,
      `HTTP/1.1 ${status} X\r\nCache-Control: max-age=600\r\nContent-Length: 5\r\n\r\nhello`,
    ],
  ),
  ...["HTTP/2.0", "HTTP/1.9", "HTTP/0.9", "HTTP/1.1.1", "ICY", "http/1.1"].map(
    (version): Case => [`version ${version}`, `${version} 200 OK\r\nContent-Length: 0\r\n\r\n`],
  ),
  ["no head at all", "hello world"],
  ["frames of HTTP/2", "\0\0\0\x04\0\0\0\0\0"],
  ["nothing", "", "end"],
  ["a status line alone", "HTTP/1.1 200 OK\r\n", "end"],
  ["half a header section", OK, "end"],
];

/** What begins well: the client sees that something is missing. */
const CUT: Case[] = [
  ["shorter than its length", `${OK}Content-Length: 10\r\n\r\nhello`, "end"],
  ["a chunk longer than its size", `${CHUNKED}\r\n3\r\nhello\r\n0\r\n\r\n`],
  ["no last chunk", `${CHUNKED}\r\n5\r\nhello\r\n`, "end"],
  ["no end of the trailer section", `${CHUNKED}\r\n5\r\nhello\r\n0\r\n`, "end"],
  ["trailer section too large", `${CHUNKED}\r\n5\r\nhello\r\n0\r\n${"a: b\r\n".repeat(100_000)}\r\n`],
  ["trailer that is none", `${CHUNKED}\r\n5\r\nhello\r\n0\r\nnonsense\r\n\r\n`],
  ["silence amid its body", `${OK}Content-Length: 10\r\n\r\nhello`],
];

/** What has one meaning, however odd: passed on, and what stands behind it reaches nobody. */
const TAKEN: [name: string, bytes: string, status: number, body: string][] = [
  ["another answer behind it", `${OK}Content-Length: 5\r\n\r\nhello${SECRET}`, 200, "hello"],
  ["another answer behind chunks", `${CHUNKED}\r\n5\r\nhello\r\n0\r\n\r\n${SECRET}`, 200, "hello"],
  ["another answer behind 304", `HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n${SECRET}`, 304, ""],
  ["a body behind 204", `HTTP/1.1 204 X\r\nContent-Length: ${SECRET.length}\r\n\r\n${SECRET}`, 204, ""],
  ["unknown status", "HTTP/1.1 299 X\r\nContent-Length: 5\r\n\r\nhello", 299, "hello"],
  ["last status", "HTTP/1.1 599 X\r\nContent-Length: 5\r\n\r\nhello", 599, "hello"],
  ["reset content", "HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n", 205, ""],
];

/** Does to each request what `act` says. */
async function startHostile(act: (socket: Socket, target: string) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => act(socket, /^[A-Z]+ (\S+)/.exec(bytes.toString("latin1"))?.[1] ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  // A good connection's limits are longer than any of these tests.
  const bed = await startTestbed({ origin: port, edge: { origin: { firstByteMs: 700, idleMs: 300 } } });
  return {
    ...{ bed, sockets },
    /** One answer's text, which must not tell where the origin is. */
    get: async (target: string, method: string) => {
      const reply = await bed.get(target, { method });
      const text = `${reply.rawHeaders.join("\n")}\n${reply.body.toString("latin1")}`;
      expect(text).not.toContain(String(port));
      expect(text).not.toContain("127.0.0.1");
      expect(text).not.toContain("secret");
      return { ...reply, text: reply.body.toString() };
    },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers `/<number>` with that case's bytes, and everything else as an honest origin would, saying what was asked for. */
function startCases(cases: readonly (readonly [name: string, bytes: string, ...more: unknown[]])[]) {
  return startHostile((socket, target) => {
    const [, bytes, then] = cases[Number(target.slice(1))] ?? [];
    const honest = `HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: ${target.length}\r\n\r\n${target}`;
    socket.write(bytes ?? honest, "latin1");
    if (then === "end") socket.end();
  });
}

test("a Router refuses every answer of an origin that is malformed or could be read in two ways, and keeps nothing of it", async () => {
  await using origin = await startCases(REFUSED);
  for (const [i, [name]] of REFUSED.entries()) {
    for (const method of ["GET", "POST"]) {
      const reply = await origin.get(`/${i}`, method);
      expect([name, method, reply.status, reply.cut, reply.headers["cache-control"]]).toEqual([
        ...[name, method, 502, false, "no-store"],
      ]);
      expect([name, (await origin.get("/honest", method)).text]).toEqual([name, "/honest"]);
    }
  }
  expect((await origin.bed.catalog.stored()).entries).toBe(0);
}, 30_000);

test("a Router whose origin breaks its body off lets nobody take the part for the whole, and keeps nothing of it", async () => {
  await using origin = await startCases(CUT);
  for (const [i, [name]] of CUT.entries()) {
    for (const method of ["GET", "POST"]) {
      const reply = await origin.get(`/${i}`, method);
      expect([name, method, reply.status, reply.cut]).toEqual([name, method, 200, true]);
      expect([name, "hello".startsWith(reply.text)]).toEqual([name, true]);
      expect([name, (await origin.get("/honest", method)).text]).toEqual([name, "/honest"]);
    }
  }
  await until(() => origin.bed.edge.stats.originRequests >= CUT.length * 4, "every one to have been asked");
  expect((await origin.bed.catalog.stored()).entries).toBe(0);
}, 30_000);

test("a Router gives no request the answer that an origin sent behind another's", async () => {
  await using origin = await startCases(TAKEN);
  for (const [i, [name, , status, body]] of TAKEN.entries()) {
    for (const method of ["POST", "GET", "HEAD"]) {
      const reply = await origin.get(`/${i}`, method);
      expect([name, method, reply.status, reply.text]).toEqual([name, method, status, method === "HEAD" ? "" : body]);
      for (let again = 0; again < 3; again++) {
        expect([name, (await origin.get(`/honest${again}`, "GET")).text]).toEqual([name, `/honest${again}`]);
      }
    }
  }
}, 30_000);

test("a Router ends interim answers without end, and tells its client", async () => {
  for (const interim of ["HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"]) {
    let sent = 0;
    await using origin = await startHostile((socket) => {
      const more = () => {
        if (socket.destroyed) return;
        sent += 1;
        socket.write(interim, () => setImmediate(more));
      };
      more();
    });
    for (const method of ["GET", "POST"]) expect((await origin.get("/x", method)).status).toBe(502);
    await until(() => origin.sockets.size === 0, "the origin to be cut off");
    expect(sent).toBeLessThan(50_000);
  }
});

test("a Router waits no longer for a header section that drips than for one that does not come", async () => {
  await using origin = await startHostile((socket) => {
    const drip = setInterval(() => (socket.destroyed ? clearInterval(drip) : socket.write("X: y\r\n")), 20);
    socket.write(OK);
  });
  for (const method of ["GET", "POST"]) {
    const startMs = performance.now();
    expect((await origin.get("/x", method)).status).toBe(504);
    // A GET is asked for once more.
    expect(performance.now() - startMs).toBeLessThan(4000);
  }
  await until(() => origin.sockets.size === 0, "the origin to be cut off");
}, 15_000);
