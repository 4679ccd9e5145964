import { expect, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { describeBytes, seededBytes, seededRandom, sha256Hex } from "../testing/objects.ts";
import { type Behaviour, sendAll, startSource, writeHead } from "../testing/source-server.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";
import { FILL_LIMITS, Fill } from "./fill.ts";

const PIECE = 262_144;
const bytes = seededBytes(6 * PIECE + 1000, 7);
const limits = { ...FILL_LIMITS, idleMs: 200, maxFailures: 3 };

/** A fill of `bytes` from a source that behaves so, into a file that holds `before`. */
async function startFill(behave?: Behaviour, before?: Uint8Array, content = bytes, pieceMs = limits.pieceMs) {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(temporaryDirectory());
  const source = stack.use(await startSource(content, behave));
  const partialPath = join(directory.path, "x.part");
  if (before !== undefined) writeFileSync(partialPath, before);
  const options = {
    description: describeBytes(content),
    partialPath,
    sourceUrl: source.url,
    limits: { ...limits, pieceMs },
  };
  const fill = await Fill.start(options, { clock: systemClock, random: () => 0.01, onBytes: () => {} });
  stack.defer(() => fill.close());
  return {
    fill,
    source,
    partialPath,
    file: () => readFileSync(partialPath),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof NesonError ? error.code : `no NesonError: ${String(error)}`;
}

async function readHash(fill: Fill, first: number, last: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of fill.read(first, last) ?? []) chunks.push(chunk);
  return sha256Hex(Buffer.concat(chunks));
}

const partHash = (first: number, last: number) => sha256Hex(bytes.subarray(first, last + 1));

test("Fill brings the object with one request when the source is honest", async () => {
  await using run = await startFill();
  await run.fill.complete;
  expect(run.file().equals(bytes)).toBe(true);
  expect(run.source.requests).toHaveLength(1);
});

test("Fill is complete at once when the object is empty", async () => {
  await using run = await startFill(undefined, undefined, new Uint8Array(0));
  await run.fill.complete;
  expect([run.file().length, run.source.requests.length]).toEqual([0, 0]);
});

test("Fill goes on from what is right in the file when a try was cut off", async () => {
  const before = Uint8Array.from(bytes.subarray(0, 4 * PIECE + 100));
  before[2 * PIECE] = (before[2 * PIECE] ?? 0) ^ 1;
  await using run = await startFill(undefined, before);
  await run.fill.complete;
  expect(run.file().equals(bytes)).toBe(true);
  const asked = run.source.requests.map(({ first, last }) => [first, last]);
  expect(asked).toEqual([
    [2 * PIECE, 3 * PIECE - 1],
    [4 * PIECE, bytes.length - 1],
  ]);
});

test("Fill cuts a file that is too long when it goes on from it", async () => {
  await using run = await startFill(undefined, Buffer.concat([bytes, bytes]));
  await run.fill.complete;
  expect([run.file().equals(bytes), run.source.requests.length]).toEqual([true, 0]);
});

test("Fill asks for the rest when the source breaks off, and gives up when it brings nothing new", async () => {
  const breaking: Behaviour = (asked, response) => {
    writeHead(bytes, asked, response);
    response.write(bytes.subarray(asked.first, Math.min(bytes.length, asked.first + 2 * PIECE + 7)));
    setTimeout(() => response.destroy(), 20);
  };
  await using run = await startFill(breaking);
  await run.fill.complete;
  expect(run.file().equals(bytes)).toBe(true);
  expect(run.source.requests.map(({ first }) => first)).toEqual([0, 2 * PIECE, 4 * PIECE, 6 * PIECE]);

  await using hopeless = await startFill((_asked, response) => void response.destroy());
  expect(await codeOf(hopeless.fill.complete)).toBe("unreachable");
  expect(hopeless.source.requests).toHaveLength(limits.maxFailures);
});

test("Fill gives up when the source stalls, before or in the body", async () => {
  await using silent = await startFill(() => {});
  expect(await codeOf(silent.fill.complete)).toBe("unreachable");
  await using stalling = await startFill((asked, response) => {
    writeHead(bytes, asked, response);
    response.write(bytes.subarray(asked.first, asked.first + 10));
  });
  expect(await codeOf(stalling.fill.complete)).toBe("unreachable");
  expect(stalling.fill.haveCount).toBe(0);
});

test("Fill gives up when the source drips, however steadily", async () => {
  const drip: Behaviour = async (asked, response) => {
    writeHead(bytes, asked, response);
    for (let at = asked.first; !response.destroyed; at += 100) {
      response.write(bytes.subarray(at, at + 100));
      await Bun.sleep(5);
    }
  };
  await using dripping = await startFill(drip, undefined, bytes, 300);
  const startMs = performance.now();
  expect(await codeOf(dripping.fill.complete)).toBe("unreachable");
  // Three requests of 300 ms, and the pauses between them: the rate alone would have taken a minute.
  expect(performance.now() - startMs).toBeLessThan(4000);
  expect(dripping.source.requests).toHaveLength(limits.maxFailures);
});

test("Fill gives up at once when the source refuses", async () => {
  await using run = await startFill((_asked, response) => void response.writeHead(403).end("no"));
  expect(await codeOf(run.fill.complete)).toBe("unreachable");
  expect(run.source.requests).toHaveLength(1);
});

test("Fill retries once when a piece is bad, and fails when it is bad again", async () => {
  const wrong = Uint8Array.from(bytes);
  wrong[3 * PIECE + 5] = (wrong[3 * PIECE + 5] ?? 0) ^ 0x80;
  await using once = await startFill((asked, response) => {
    return sendAll(asked.number === 1 ? wrong : bytes)(asked, response);
  });
  await once.fill.complete;
  expect(once.file().equals(bytes)).toBe(true);
  await using twice = await startFill(sendAll(wrong));
  const reader = readHash(twice.fill, 0, bytes.length - 1);
  expect(await codeOf(reader)).toBe("bad-bytes");
  expect(await codeOf(twice.fill.complete)).toBe("bad-bytes");
  expect(twice.source.requests).toHaveLength(2);
  expect(await readHash(twice.fill, 0, 2 * PIECE)).toBe(partHash(0, 2 * PIECE));
});

test("Fill takes what it needs and cuts the rest when the source never ends", async () => {
  let isCut = false;
  await using run = await startFill((_asked, response) => {
    response.on("close", () => {
      isCut = true;
    });
    response.writeHead(200);
    response.write(bytes);
    const more = () => {
      if (!response.destroyed && !isCut) response.write(bytes.subarray(0, 1000), () => setTimeout(more, 1));
    };
    more();
  });
  await run.fill.complete;
  expect(run.file().equals(bytes)).toBe(true);
  await until("the source's connection is closed", () => isCut);
});

test("Fill is right when the source knows no ranges or answers another one", async () => {
  await using whole = await startFill(
    (asked, response) => {
      sendAll(bytes)({ ...asked, first: 0, last: bytes.length - 1, isRange: false }, response);
    },
    bytes.subarray(0, 3 * PIECE),
  );
  await whole.fill.complete;
  expect(whole.file().equals(bytes)).toBe(true);
  await using other = await startFill(
    (asked, response) => {
      sendAll(bytes)({ ...asked, first: 0 }, response);
    },
    bytes.subarray(0, 3 * PIECE),
  );
  expect(await codeOf(other.fill.complete)).toBe("unreachable");
});

test("Fill serves readers anywhere when it has not come there yet", async () => {
  const large = seededBytes(64 * PIECE, 8);
  const asked: number[] = [];
  const slow: Behaviour = async ({ first, last, isRange, number }, response) => {
    asked.push(first);
    writeHead(large, { first, last, isRange }, response);
    for (let at = first; at <= last && !response.destroyed; at += PIECE / 2) {
      response.write(large.subarray(at, Math.min(last + 1, at + PIECE / 2)));
      // The first request would take for ever: whoever is ahead must not wait for it.
      await Bun.sleep(number === 1 ? 20 : 1);
    }
    response.end();
  };
  await using run = await startFill(slow, undefined, large);
  await until("the first piece", () => run.fill.haveCount > 0);
  const span: [number, number] = [50 * PIECE + 17, 52 * PIECE + 3];
  expect(await readHash(run.fill, ...span)).toBe(sha256Hex(large.subarray(span[0], span[1] + 1)));
  expect(run.fill.haveCount).toBeLessThan(30);
  expect(asked).toContain(50 * PIECE);
  await run.fill.complete;
  expect(run.file().equals(large)).toBe(true);
});

test("Fill keeps its pieces and fails its readers when it is cancelled", async () => {
  await using run = await startFill(async (asked, response) => {
    writeHead(bytes, asked, response);
    response.write(bytes.subarray(0, 3 * PIECE));
  });
  const reader = readHash(run.fill, 0, bytes.length - 1);
  await until("three pieces", () => run.fill.haveCount === 3);
  run.fill.cancel("test");
  expect(await codeOf(reader)).toBe("cancelled");
  expect(await codeOf(run.fill.complete)).toBe("cancelled");
  expect(
    run
      .file()
      .subarray(0, 3 * PIECE)
      .equals(bytes.subarray(0, 3 * PIECE)),
  ).toBe(true);
});

test("Fill never sends a byte of a piece that is not verified when the source lies at random", async () => {
  const random = seededRandom(11);
  const lying: Behaviour = (asked, response) => {
    const mixed = Uint8Array.from(bytes);
    const at = Math.floor(random() * mixed.length);
    mixed[at] = (mixed[at] ?? 0) ^ 1;
    const end = asked.first + Math.floor(random() * (asked.last - asked.first + 1));
    writeHead(mixed, asked, response);
    response.write(mixed.subarray(asked.first, end));
    setTimeout(() => response.destroy(), 2);
  };
  for (let round = 0; round < 15; round++) {
    await using run = await startFill(lying);
    const body = run.fill.read(0, bytes.length - 1);
    let position = 0;
    try {
      for await (const chunk of body ?? []) {
        expect(Buffer.compare(chunk, bytes.subarray(position, position + chunk.length))).toBe(0);
        position += chunk.length;
      }
      expect(position).toBe(bytes.length);
    } catch (error) {
      expect(["bad-bytes", "unreachable"]).toContain(error instanceof NesonError ? error.code : "");
    }
  }
});

test("Fill fails its readers rather than send other bytes when its file is cut behind its back", async () => {
  await using run = await startFill();
  await run.fill.complete;
  truncateSync(run.partialPath, PIECE);
  expect(await codeOf(readHash(run.fill, 2 * PIECE, 3 * PIECE))).toBe("disk");
});
