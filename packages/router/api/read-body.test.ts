import { expect, test } from "bun:test";
import { parseJson, readBodyText } from "./read-body.ts";

const post = (body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>) =>
  new Request("http://router.test/", { method: "POST", body });
const never = new AbortController().signal;

test("readBodyText() gives up on a body that does not end in time, and lets go of it", async () => {
  const inTime = new AbortController();
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
    cancel: () => {
      isCancelled = true;
    },
  });
  const reading = readBodyText(post(body), inTime.signal);
  inTime.abort();
  expect(reading).rejects.toMatchObject({ code: "body-too-slow" });
  await reading.catch(() => {});
  expect(isCancelled).toBe(true);
});

test("readBodyText() stops reading a body that goes on beyond 1 MiB", async () => {
  let sentBytes = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sentBytes += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
  });
  const refused = await readBodyText(post(body), never).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "body-too-long" });
  expect(sentBytes).toBeLessThan(2 * 1_048_576);
});

test("readBodyText() takes a megabyte, tells nothing from something, and refuses what is not UTF-8", async () => {
  expect((await readBodyText(post("x".repeat(1_048_576)), never))?.length).toBe(1_048_576);
  expect(await readBodyText(post(""), never)).toBeUndefined();
  expect(readBodyText(post(new Uint8Array([0xff])), never)).rejects.toMatchObject({ code: "not-json" });
});

test("parseJson() refuses what is nested deeper than 32 levels, and __proto__ at any level", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  expect(parseJson(nested(33))).toBeArray();
  expect(() => parseJson(nested(34))).toThrow("at most 32 levels");
  expect(() => parseJson('{"a":[{"__proto__":1}]}')).toThrow("__proto__");
});
