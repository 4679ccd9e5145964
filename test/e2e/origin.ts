import { createHash } from "node:crypto";
import { rangedAnswer } from "@neson/kit/http/respond";
import { serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";

/** One file of the test origin. */
export interface OriginFile {
  bytes: Uint8Array;
  /** Flat header list; Content-Length and ranges are added. */
  headers: string[];
}

/** A programmable origin on loopback. */
export interface TestOrigin extends AsyncDisposable {
  url: string;
  files: Map<string, OriginFile>;
  /** Every request it got: method, target, and the status it gave. */
  requests: { method: string; target: string; status: number; headers: Record<string, unknown> }[];
  /** Milliseconds between blocks of 64 KiB, to make a pull last. */
  slowness: { blockMs: number };
}

/** Bytes that look random and are the same each time. */
export function noise(size: number, seed: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(size);
  let block = createHash("sha256").update(`noise ${seed}`).digest();
  for (let at = 0; at < size; at += 32) {
    block = createHash("sha256").update(block).digest();
    block.copy(bytes, at);
  }
  return bytes;
}

/** Hex SHA-256. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Starts an origin; add files to `files` at any time. */
export async function startOrigin(): Promise<TestOrigin> {
  const files = new Map<string, OriginFile>();
  const requests: TestOrigin["requests"] = [];
  const slowness = { blockMs: 0 };
  const server = await serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    log: silentLog,
    handle: ({ method, target, headers }) => {
      const file = files.get(target);
      const answer =
        file === undefined
          ? { status: 404, headers: ["Content-Type", "text/plain"], body: Buffer.from("no such file\n") }
          : rangedAnswer({
              requestHeaders: headers,
              method,
              size: file.bytes.length,
              headers: file.headers,
              read: (first, last) => read(file.bytes.subarray(first, last + 1), slowness),
            });
      requests.push({ method, target, status: answer.status, headers });
      return answer;
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    files,
    requests,
    slowness,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function* read(bytes: Uint8Array, slowness: { blockMs: number }): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    if (slowness.blockMs > 0) await Bun.sleep(slowness.blockMs);
    yield bytes.subarray(at, at + 65_536);
  }
}
