import { expect, test } from "bun:test";
import { natsUrlsSchema } from "./nats-urls.ts";

test("natsUrlsSchema takes servers of a cluster, and the credentials of the first", () => {
  const cases: [string, unknown][] = [
    ["nats://127.0.0.1:4222", { urls: ["nats://127.0.0.1:4222"], login: undefined }],
    ["nats://a:4222, tls://b:4222", { urls: ["nats://a:4222", "tls://b:4222"], login: undefined }],
    ["nats://me:s%40cret@a", { urls: ["nats://a"], login: { user: "me", pass: "s@cret" } }],
    ["tls://token@a:1", { urls: ["tls://a:1"], login: { token: "token" } }],
  ];
  for (const [text, expected] of cases) expect(natsUrlsSchema.parse(text)).toEqual(expected as never);
  for (const text of [
    "",
    "a:4222",
    "http://a",
    "nats://",
    "nats://a,,nats://b",
    Array(17).fill("nats://a").join(","),
  ]) {
    expect([text, natsUrlsSchema.safeParse(text).success]).toEqual([text, false]);
  }
});
