import { expect, test } from "bun:test";
import fc from "fast-check";
import { SliceBody } from "./slice-body.ts";

async function collect(body: SliceBody, first: number, last: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.read(first, last)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("SliceBody gives each reader what it asked for, in chunks of any length, whenever it came", async () => {
  const chunks = fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.nat(40), fc.nat(40), async (texts, a, b) => {
      const whole = texts.join("");
      const [first, last] = [Math.min(a, b), Math.max(a, b)];
      const body = new SliceBody();
      const early = collect(body, first, last);
      for (const text of texts) {
        body.append(Buffer.from(text), true);
        await Promise.resolve();
      }
      body.end();
      expect([await early, await collect(body, first, last)]).toEqual([
        whole.slice(first, last + 1),
        whole.slice(first, last + 1),
      ]);
    }),
  );
});

test("SliceBody keeps what is not released to itself until the end", async () => {
  const body = new SliceBody();
  body.append(Buffer.from("ab"), true);
  body.append(Buffer.from("cd"), false);
  const reader = body.read(0, 9);
  expect(Buffer.from((await reader.next()).value ?? "").toString()).toBe("ab");
  const next = reader.next();
  body.end();
  expect(Buffer.from((await next).value ?? "").toString()).toBe("cd");
  expect((await reader.next()).done).toBe(true);
});

test("SliceBody throws at the place where it broke off, and not before", async () => {
  const body = new SliceBody();
  body.append(Buffer.from("abc"), false);
  body.fail(new Error("reset"));
  expect(await collect(body, 1, 2)).toBe("bc");
  await expect(collect(body, 1, 3)).rejects.toThrow("reset");
});
