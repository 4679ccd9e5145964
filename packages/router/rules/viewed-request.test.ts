import { expect, test } from "bun:test";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { ViewedRequest } from "./viewed-request.ts";

/** As listeners make them: with private state that only the object itself may touch. */
class Original implements EdgeRequest {
  readonly method = "GET";
  readonly target = "/a?s";
  readonly host = "site.test";
  readonly httpVersion = "1.1";
  readonly remoteAddress = "10.0.0.1";
  readonly rawHeaders = ["Host", "site.test", "COOKIE", "a=b", "X-A", "1", "x-a", "2"];
  readonly headers = { host: "site.test", cookie: "a=b", "x-a": "1, 2" };
  readonly informed: number[] = [];
  readonly #controller = new AbortController();
  #ended = false;

  get signal() {
    return this.#controller.signal;
  }

  get body() {
    return this.#read();
  }

  trailers() {
    return ["X-Ended", String(this.#ended)];
  }

  inform(status: number) {
    this.informed.push(status);
  }

  async *#read() {
    yield Buffer.from("content");
    this.#ended = true;
  }
}

test("ViewedRequest shows what changed and hands on everything else", async () => {
  const original = new Original();
  const seen = new ViewedRequest(original, {
    target: "/a",
    remoteAddress: "192.0.2.1",
    without: new Set(["cookie"]),
    instead: ["X-Forwarded-For", "192.0.2.9"],
    forOrigin: ["X-A", "3", "Authorization", "secret"],
  });
  expect([seen.target, seen.remoteAddress, seen.method, seen.host, seen.httpVersion]).toEqual([
    ...["/a", "192.0.2.1", "GET", "site.test", "1.1"],
  ]);
  expect({ ...seen.headers }).toEqual({ host: "site.test", "x-a": "1, 2", "x-forwarded-for": "192.0.2.9" });
  expect(seen.rawHeaders).toEqual([
    ...[
      "Host",
      "site.test",
      "X-A",
      "1",
      "x-a",
      "2",
      "X-Forwarded-For",
      "192.0.2.9",
      "X-A",
      "3",
      "Authorization",
      "secret",
    ],
  ]);
  expect(seen.signal).toBe(original.signal);
  seen.inform(103, []);
  expect(original.informed).toEqual([103]);
  const chunks: string[] = [];
  for await (const chunk of seen.body) chunks.push(String(chunk));
  expect(chunks).toEqual(["content"]);
  expect(seen.trailers()).toEqual(["X-Ended", "true"]);
});

test("ViewedRequest keeps the original's own fields when none changed", () => {
  const original = new Original();
  const seen = new ViewedRequest(original, { target: "/b" });
  expect(seen.headers).toBe(original.headers);
  expect(seen.rawHeaders).toBe(original.rawHeaders);
});
