import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import type { Part, Sliced } from "./sliced.ts";

/** Bytes read at a time for one reader. */
const BLOCK_BYTES = 262_144;
const MAX_SIZE = 2 ** 40;
const PART_NAME = /^(\d{1,13})-(\d{1,13})-([0-9a-f]{64})$/;

const headSchema = z.strictObject({
  site: z.string().max(63),
  key: z.string().max(1_000_000),
  vary: z.array(z.tuple([z.string(), z.string().nullable()])).max(1000),
  variantKey: z.string(),
  size: z.number().int().min(1).max(MAX_SIZE),
  validator: z.string().nullable(),
  headers: z.array(z.string()).max(20_000),
  requestTimeMs: z.number(),
  responseTimeMs: z.number(),
});

/** What is kept of a representation beside its parts. */
export type SlicedHead = z.infer<typeof headSchema>;

/** A directory of this folder as a start finds it. */
export interface FoundSliced {
  id: string;
  head: SlicedHead;
  parts: (Part & { writtenAtMs: number })[];
}

/**
 * Sliced representations on disk: a directory for each, with `head.json` and a file for each part, named by where it lies and by its SHA-256. Every file
 * comes by a rename and every directory goes by one, so that a process killed at any moment leaves nothing that is half written or half removed.
 * Not in the database: that may serve several Routers, and these bytes are this one's.
 */
export class SliceFiles {
  readonly #directory: string;
  #asides = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Prepares the folder and lists what is in it; what is not whole goes.
   * @throws NesonError `slices-unusable` (operator) when the folder cannot be made or read
   */
  async open(): Promise<FoundSliced[]> {
    try {
      await rm(join(this.#directory, "aside"), { recursive: true, force: true });
      await mkdir(join(this.#directory, "aside"), { recursive: true });
      const found: FoundSliced[] = [];
      for (const id of await readdir(this.#directory)) {
        if (id === "aside") continue;
        const sliced = await this.#inspect(id);
        if (sliced === undefined) await rm(join(this.#directory, id), { recursive: true, force: true });
        else found.push(sliced);
      }
      return found;
    } catch (cause) {
      const message = `preparing the store of slices ${this.#directory} failed`;
      throw new NesonError("slices-unusable", message, { fault: "operator", cause });
    }
  }

  /** Writes the head for the first time or anew. */
  async writeHead(sliced: Sliced): Promise<void> {
    const { site, key, vary, variantKey, size, headers, requestTimeMs, responseTimeMs } = sliced;
    const times = { requestTimeMs, responseTimeMs };
    const head: SlicedHead = {
      site,
      key,
      vary,
      variantKey,
      size,
      validator: sliced.validator ?? null,
      headers,
      ...times,
    };
    await mkdir(join(this.#directory, sliced.id), { recursive: true });
    await this.#place([Buffer.from(JSON.stringify(head))], join(this.#directory, sliced.id, "head.json"));
  }

  /** @throws what the disk throws */
  async writePart(sliced: Sliced, part: Part, chunks: readonly Uint8Array[]): Promise<void> {
    await this.#place(chunks, this.#pathOf(sliced, part));
  }

  /**
   * Bytes `first` to `last` of the whole, which lie in the part. All of the part is read and checked against its hash before any byte comes.
   * @throws when the file is gone, altered, or cannot be read
   */
  async *read(sliced: Sliced, part: Part, first: number, last: number): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await open(this.#pathOf(sliced, part), "r");
    try {
      const hash = createHash("sha256");
      for await (const block of blocks(file, 0, part.last - part.first)) hash.update(block);
      if (hash.digest("hex") !== part.sha256)
        throw new Error(`the file of bytes ${part.first} to ${part.last} is altered`);
      yield* blocks(file, first - part.first, last - part.first);
    } finally {
      await file.close();
    }
  }

  /** Who has the file open reads on. Moved aside at once, since the same bytes may be written again before a slow removal is through. */
  async removePart(sliced: Sliced, part: Part): Promise<void> {
    const aside = this.#aside();
    renameSync(this.#pathOf(sliced, part), aside);
    await unlink(aside);
  }

  /** Gone at once for every later start; the files themselves follow. */
  async remove(sliced: Sliced): Promise<void> {
    const aside = this.#aside();
    try {
      renameSync(join(this.#directory, sliced.id), aside);
    } catch {
      // Nothing of it was written yet.
      return;
    }
    await rm(aside, { recursive: true, force: true });
  }

  async #inspect(id: string): Promise<FoundSliced | undefined> {
    const directory = join(this.#directory, id);
    const text = await readFile(join(directory, "head.json"), "utf8").catch(() => "");
    const head = headSchema.safeParse(parsed(text));
    if (!head.success) return undefined;
    const parts: FoundSliced["parts"] = [];
    for (const name of await readdir(directory)) {
      if (name === "head.json") continue;
      const match = PART_NAME.exec(name);
      const part = { first: Number(match?.[1]), last: Number(match?.[2]), sha256: match?.[3] ?? "" };
      const { size, mtimeMs } = await stat(join(directory, name));
      const isWhole = match !== null && size === part.last - part.first + 1 && part.last < head.data.size;
      if (isWhole) parts.push({ ...part, writtenAtMs: mtimeMs });
      else await rm(join(directory, name), { recursive: true, force: true });
    }
    return parts.length === 0 ? undefined : { id, head: head.data, parts };
  }

  async #place(chunks: readonly Uint8Array[], path: string): Promise<void> {
    const aside = this.#aside();
    try {
      const file = await open(aside, "w");
      try {
        for (const chunk of chunks) await file.writeFile(chunk);
      } finally {
        await file.close();
      }
      await rename(aside, path);
    } catch (error) {
      await rm(aside, { force: true });
      throw error;
    }
  }

  #pathOf(sliced: Sliced, part: Part): string {
    return join(this.#directory, sliced.id, fileNameOf(part));
  }

  #aside(): string {
    return join(this.#directory, "aside", `${++this.#asides}`);
  }
}

/** What the file of a part is called in the directory of its representation. */
export function fileNameOf({ first, last, sha256 }: Part): string {
  return `${first}-${last}-${sha256}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* blocks(file: FileHandle, first: number, last: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = first; at <= last; ) {
    const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, last - at + 1));
    const { bytesRead } = await file.read(block, 0, block.length, at);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${at}`);
    at += bytesRead;
    yield bytesRead === block.length ? block : block.subarray(0, bytesRead);
  }
}
