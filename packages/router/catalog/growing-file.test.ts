import { expect, test } from "bun:test";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testBytes } from "../edge/testbed.ts";
import { GrowingFile, SPILL_BYTES } from "./growing-file.ts";

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "neson-growing-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("GrowingFile gives every reader all bytes, wherever and whenever it starts", () =>
  inDirectory(async (directory) => {
    for (const size of [0, 1, SPILL_BYTES, SPILL_BYTES + 1, 5_000_000]) {
      const bytes = testBytes(size);
      const file = new GrowingFile(join(directory, `${size}`));
      const starts = [0, Math.floor(size / 2), Math.max(0, size - 1)];
      const early = starts.map((first) => collect(file.read(first)));
      const spans = starts.map((first) => collect(file.read(first, Math.min(size, first + 100_000) - 1)));
      for (let at = 0; at < size; at += 60_000) await file.append(bytes.subarray(at, at + 60_000));
      const middle = starts.map((first) => collect(file.read(first)));
      await file.settle();
      expect([size, file.spilled]).toEqual([size, size > SPILL_BYTES]);
      if (file.spilled) {
        const moved = join(directory, `${size}.moved`);
        await rename(join(directory, `${size}`), moved);
        file.moved(moved);
        expect((await readFile(moved)).equals(bytes)).toBe(true);
      } else expect(Buffer.from(file.wholeInMemory() as Uint8Array).equals(bytes)).toBe(true);
      file.end();
      const late = starts.map((first) => collect(file.read(first)));
      for (const [i, first] of starts.entries()) {
        for (const reading of [early[i], middle[i], late[i]]) {
          expect((await reading)?.equals(bytes.subarray(first))).toBe(true);
        }
        if (size > 0) expect((await spans[i])?.equals(bytes.subarray(first, first + 100_000))).toBe(true);
      }
    }
  }));

test("GrowingFile keeps back what is not released", () =>
  inDirectory(async (directory) => {
    const file = new GrowingFile(join(directory, "a"));
    await file.append(Buffer.from("seen"));
    await file.append(Buffer.from("held"), false);
    const reader = file.read(0, 7);
    expect(String((await reader.next()).value)).toBe("seen");
    let more = false;
    const next = reader.next().then((step) => {
      more = true;
      return step;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(more).toBe(false);
    file.end();
    expect(String((await next).value)).toBe("held");
    expect((await reader.next()).done).toBe(true);
  }));

test("GrowingFile throws at its readers, present and future, once it failed", () =>
  inDirectory(async (directory) => {
    const file = new GrowingFile(join(directory, "a"));
    const reading = collect(file.read(0)).catch((error) => error.message);
    await file.append(testBytes(500_000));
    file.fail(new Error("cut short"));
    expect(await reading).toBe("cut short");
    expect(await collect(file.read(0)).catch((error) => error.message)).toBe("cut short");
    expect(await file.append(Buffer.from("x")).catch((error) => error.message)).toBe("cut short");
  }));

test("GrowingFile reports a disk that does not take the bytes", async () => {
  const file = new GrowingFile("/nonexistent/directory/file");
  const reading = collect(file.read(0)).catch((error) => error.code);
  await file.append(testBytes(SPILL_BYTES + 1)).catch(() => {});
  expect(await reading).toBe("ENOENT");
  expect(await file.settle().catch((error) => error.code)).toBe("ENOENT");
});
