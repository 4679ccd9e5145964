import { expect, test } from "bun:test";
import fc from "fast-check";
import { ReceivedContent } from "./received-content.ts";

function start() {
  const seen = { takenBytes: 0, wanted: 0 };
  const content = new ReceivedContent({
    wanted: () => {
      seen.wanted += 1;
    },
    taken: (bytes) => {
      seen.takenBytes += bytes;
    },
  });
  return { content, seen, push: (text: string) => content.push(Buffer.from(text), 0, Buffer.byteLength(text)) };
}

async function textOf(content: ReceivedContent): Promise<string> {
  let text = "";
  for await (const block of content) text += Buffer.from(block).toString();
  return text;
}

test("ReceivedContent gives what was pushed, in order, whether it was read before or after", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 6000 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 0, max: 12 }), async (pieces, readFrom) => {
      const { content, seen, push } = start();
      let reading: Promise<string> | undefined;
      let expected = "";
      for (const [i, size] of pieces.entries()) {
        if (i === readFrom) reading = textOf(content);
        const piece = String.fromCharCode(97 + i).repeat(size);
        push(piece);
        expected += piece;
        if (i % 3 === 0) await Promise.resolve();
      }
      content.end(["X", "1"]);
      expect(await (reading ?? textOf(content))).toBe(expected);
      expect([seen.takenBytes, content.queuedBytes, content.trailers()]).toEqual([expected.length, 0, ["X", "1"]]);
    }),
    { numRuns: 200 },
  );
});

test("ReceivedContent copies what it keeps, and gathers small pieces", async () => {
  const { content } = start();
  const bytes = Buffer.from("abc");
  for (let i = 0; i < 1000; i++) content.push(bytes, 0, 3);
  bytes.fill(120);
  content.end();
  let blocks = 0;
  let text = "";
  for await (const block of content) {
    blocks += 1;
    text += Buffer.from(block).toString();
  }
  expect(text).toBe("abc".repeat(1000));
  expect(blocks).toBeLessThan(5);
});

test("ReceivedContent gives what came before a failure, and then throws it", async () => {
  const { content, push } = start();
  push("abc");
  content.fail("request-cut-short", "gone");
  push("late");
  const iterator = content[Symbol.asyncIterator]();
  expect((await iterator.next()).value?.length).toBe(3);
  await expect(iterator.next()).rejects.toMatchObject({ code: "request-cut-short", fault: "caller" });
});

test("ReceivedContent that is given up never passes for whole, and takes what still comes", async () => {
  const { content, seen, push } = start();
  push("abc");
  content.end();
  content.abandon();
  await expect(textOf(content)).rejects.toMatchObject({ code: "request-cut-short" });
  push("late");
  expect(seen.takenBytes).toBe(7);
});

test("ReceivedContent whose reader leaves the loop throws the rest away", async () => {
  const { content, seen, push } = start();
  push("abc");
  for await (const _block of content) break;
  push("defg");
  expect([seen.takenBytes, content.queuedBytes, content.isStarved]).toEqual([7, 0, true]);
});
