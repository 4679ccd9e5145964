import type { HttpLimits } from "../../wire/connection.ts";
import type { Answer, Handle } from "../answer.ts";
import { RawClient } from "../raw-client.ts";
import type { HttpServer } from "../server.ts";

/** Starts the listener under test on 127.0.0.1, with a grace period of 200 ms unless told otherwise. */
export type ServeCase = (handle: Handle, limits?: HttpLimits & { port?: number }) => Promise<HttpServer>;

/** One thing that every listener of HTTP/1.1 does, as a test. */
export interface ListenerCase {
  name: string;
  run(serve: ServeCase): Promise<void>;
}

/** A 200 with this body. */
export function text(body: string, headers: string[] = []): Answer {
  return { status: 200, headers, body: Buffer.from(body) };
}

/** A GET request's header section; `extra` are whole field lines. */
export function get(target: string, extra = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: Example.COM:81\r\n${extra}\r\n`;
}

/** Waits for a condition with a deadline. */
export async function until(what: string, holds: () => boolean, deadlineMs = 5000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A request, its whole exchange on a connection of its own. */
export async function exchange(port: number, request: string): Promise<string> {
  using client = await RawClient.open(port);
  return await client.send(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).until("closed");
}
