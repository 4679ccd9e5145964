import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { describeError, NesonError } from "@neson/kit/error";
import unbzip2 from "unbzip2-stream";
import { XzReadableStream } from "xz-decompress";

/** How a log file is compressed, by the end of its name. */
export type Compression = "none" | "gz" | "bz2" | "xz";

/** Decompressed bytes that are read at most: a small file can hold any number of them. */
const MAX_BYTES = 16 * 2 ** 30;
/** Decompressed bytes that bzip2 may hold in memory; files of logs need a tenth of it. */
const MAX_WAITING_BYTES = 2 ** 29;

/** The compression a file's name says, and the name without its ending. */
export function compressionOf(file: string): { compression: Compression; name: string } {
  const match = /\.(gz|bz2|xz)$/.exec(file);
  if (match === null) return { compression: "none", name: file };
  return { compression: match[1] as Compression, name: file.slice(0, match.index) };
}

/**
 * A log file's decompressed bytes, piece by piece. Throws NesonError "trace-unreadable" (no such file, not what its name says, cut
 * short) or "trace-too-large" (more than `maxBytes` once decompressed).
 */
export async function* traceBytes(file: string, maxBytes = MAX_BYTES): AsyncGenerator<Uint8Array> {
  const { compression } = compressionOf(file);
  let total = 0;
  try {
    for await (const piece of openDecompressed(file, compression)) {
      total += piece.length;
      if (total > maxBytes) throw tooLarge(file, maxBytes, "decompressed bytes");
      yield piece;
    }
  } catch (error) {
    throw error instanceof NesonError ? error : unreadable(file, compression, error);
  }
  if (total === 0 && compression !== "none") {
    throw unreadable(file, compression);
  }
}

function tooLarge(file: string, most: number, what: string): NesonError {
  const message = `${file}: found more than ${most} ${what}, allowed: ${most}`;
  return new NesonError("trace-too-large", message, { fault: "caller" });
}

/** What the system says of a file is for people; what the decompressors say of its content is not. */
function unreadable(file: string, compression: Compression, cause?: unknown): NesonError {
  const isOfSystem = cause instanceof Error && "syscall" in cause;
  const message = isOfSystem
    ? `reading ${file} failed: ${describeError(cause)}`
    : `${file}: found content that is damaged, cut short or no ${compression} at all, allowed: a whole ${compression} file`;
  return new NesonError("trace-unreadable", message, { fault: "caller", details: { cause: describeError(cause) } });
}

function openDecompressed(file: string, compression: Compression): AsyncIterable<Uint8Array> {
  const compressed = createReadStream(file);
  switch (compression) {
    case "none":
      return compressed;
    case "gz":
      // The last argument makes pipeline handle errors by itself: they end what it returns, and so reach the reader.
      return pipeline(compressed, createGunzip(), () => {});
    case "bz2":
      return bunzip(file, compressed);
    case "xz":
      return piecesOf(new XzReadableStream(webStreamOf(compressed)));
  }
}

/**
 * What a bzip2 file holds. The decompressor gives its pieces while it takes the next 900 kB of the file, or all that is left of it, so what it
 * gives at once is bounded here: 900 kB can hold hundreds of gigabytes.
 */
async function* bunzip(file: string, compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = unbzip2();
  const pieces: Uint8Array[] = [];
  let failure: unknown;
  let waitingBytes = 0;
  stream.on("error", (error) => {
    failure ??= error;
  });
  stream.on("data", (piece: Uint8Array) => {
    waitingBytes += piece.length;
    if (waitingBytes > MAX_WAITING_BYTES)
      throw tooLarge(file, MAX_WAITING_BYTES, "decompressed bytes in a part of 900 kB");
    pieces.push(piece);
  });
  const drain = function* () {
    waitingBytes = 0;
    yield* pieces.splice(0);
    if (failure !== undefined) throw failure;
  };
  for await (const piece of compressed) {
    stream.write(piece);
    yield* drain();
  }
  stream.end();
  yield* drain();
}

/** `Readable.toWeb` without its types, which disagree with the global ones. */
function webStreamOf(readable: Readable): ReadableStream<Uint8Array> {
  const pieces = readable[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      readable.destroy();
    },
  });
}

async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
