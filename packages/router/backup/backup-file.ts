import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { createGunzip, createGzip } from "node:zlib";
import { describeError, NesonError } from "@neson/kit/error";
import { z } from "zod";

// A backup is gzip of JSON lines: the head, the secret keys, then each table followed by its rows, and last the SHA-256 of all lines before it.

/** Raised when older programs could not restore what this one writes. */
const FORMAT_VERSION = 1;
/** The piece list of the largest object that is allowed takes a small part of it. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const nameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/);

/** The first line. */
export const headSchema = z.object({
  format: z.literal("neson-router-backup"),
  version: z.int().min(1),
  createdAt: z.iso.datetime(),
  /** Of the program that wrote it. */
  program: z.string().max(100),
  /** Steps that the database had gone through, in order. */
  migrations: z.array(z.string().max(200)).min(1).max(1000),
});

/** What a backup says of itself. */
export type BackupHead = z.infer<typeof headSchema>;

const keySchema = z.strictObject({ key: z.string().regex(/^[a-z]{1,40}\.key$/), base64: z.base64().max(10_000) });
const tableSchema = z.strictObject({ table: nameSchema, columns: z.array(nameSchema).min(1).max(200) });
const cellSchema = z.union([z.null(), z.number(), z.string(), z.strictObject({ base64: z.base64() })]);
const rowSchema = z.array(cellSchema).max(200);
const endSchema = z.strictObject({ rows: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** A value of a row, as databases give and take it. */
export type Cell = null | number | string | Uint8Array;

/** One line of a backup, after the head. */
export type BackupItem =
  | { kind: "key"; name: string; bytes: Uint8Array }
  | { kind: "table"; table: string; columns: string[] }
  | { kind: "row"; cells: Cell[] };

/**
 * Writes a backup, readable by its owner alone; it appears under its name only when it is whole.
 * @throws NesonError `backup-exists` or `backup-unwritable` (operator), and what `items` throws
 */
export async function writeBackup(
  path: string,
  head: Omit<BackupHead, "format" | "version">,
  items: AsyncIterable<BackupItem>,
): Promise<{ rows: number; sha256: string; bytes: number }> {
  if (await Bun.file(path).exists()) {
    const message = `writing a backup to ${path}: there is such a file already; allowed: the name of a new one`;
    throw new NesonError("backup-exists", message, { fault: "operator" });
  }
  const temporary = `${path}.partial`;
  const file = await createOwn(temporary);
  try {
    const gzip = createGzip({ level: 6 });
    const written = writeAll(gzip, file);
    // Awaited at the end; until then only who waits for room hears of it.
    written.catch(() => {});
    const hash = createHash("sha256");
    let rows = 0;
    const put = async (line: object) => {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      hash.update(bytes);
      if (!gzip.write(bytes)) await Promise.race([once(gzip, "drain"), written]);
    };
    await put({ format: "neson-router-backup", version: FORMAT_VERSION, ...head });
    for await (const item of items) {
      if (item.kind === "row") rows += 1;
      await put(lineOf(item));
    }
    const sha256 = hash.digest("hex");
    gzip.end(`${JSON.stringify({ rows, sha256 })}\n`);
    await written;
    await file.sync();
    const { size } = await file.stat();
    await file.close();
    await rename(temporary, path);
    return { rows, sha256, bytes: size };
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeAll(chunks: AsyncIterable<Uint8Array>, file: FileHandle): Promise<void> {
  for await (const chunk of chunks) await file.writeFile(chunk);
}

async function createOwn(path: string) {
  try {
    return await open(path, "wx", 0o600);
  } catch (cause) {
    const message = `writing a backup: ${path} cannot be made (${describeError(cause)}); allowed: a new file in a directory that can be written`;
    throw new NesonError("backup-unwritable", message, { fault: "operator" });
  }
}

/** A backup that is being read. */
export interface BackupReading {
  head: BackupHead;
  /** In the order of writing. Throws at its end when the whole is not what was written. */
  items: AsyncIterable<BackupItem>;
}

/**
 * Opens a backup; read `items` to their end to know that it is whole.
 * @throws NesonError (operator) `backup-unreadable`, `backup-damaged`, `backup-newer`; `items` too
 */
export async function readBackup(path: string): Promise<BackupReading> {
  const lines = linesOf(path);
  const first = await lines.next();
  const head = first.done === true ? undefined : headSchema.safeParse(parse(path, first.value));
  if (first.done === true || head?.success !== true) {
    throw new NesonError("backup-unreadable", `reading ${path}: it is no backup of a Router`, { fault: "operator" });
  }
  if (head.data.version > FORMAT_VERSION) {
    const message = `reading ${path}: a newer program (${head.data.program}) wrote it, in format ${head.data.version}; allowed: up to ${FORMAT_VERSION}`;
    throw new NesonError("backup-newer", message, { fault: "operator" });
  }
  const hash = createHash("sha256").update(first.value).update("\n");
  return { head: head.data, items: itemsOf(path, lines, hash) };
}

async function* itemsOf(
  path: string,
  lines: AsyncGenerator<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<BackupItem> {
  let rows = 0;
  let end: z.infer<typeof endSchema> | undefined;
  for await (const line of lines) {
    if (end !== undefined) throw damaged(path, "something follows its end");
    const read = parse(path, line);
    const item = itemOf(read);
    if (item === undefined) {
      const parsed = endSchema.safeParse(read);
      if (!parsed.success) throw damaged(path, "a line is not as it was written");
      end = parsed.data;
      continue;
    }
    hash.update(line).update("\n");
    if (item.kind === "row") rows += 1;
    yield item;
  }
  if (end === undefined) throw damaged(path, "its end is missing");
  if (end.rows !== rows || end.sha256 !== hash.digest("hex")) throw damaged(path, "it is not what was written");
}

function lineOf(item: BackupItem): object {
  if (item.kind === "key") return { key: item.name, base64: Buffer.from(item.bytes).toString("base64") };
  if (item.kind === "table") return { table: item.table, columns: item.columns };
  return item.cells.map((cell) =>
    cell instanceof Uint8Array
      ? { base64: Buffer.from(cell.buffer, cell.byteOffset, cell.length).toString("base64") }
      : cell,
  );
}

function itemOf(line: unknown): BackupItem | undefined {
  if (Array.isArray(line)) {
    const row = rowSchema.safeParse(line);
    if (!row.success) return undefined;
    return { kind: "row", cells: row.data.map(cellOf) };
  }
  const table = tableSchema.safeParse(line);
  if (table.success) return { kind: "table", ...table.data };
  const key = keySchema.safeParse(line);
  if (!key.success) return undefined;
  return { kind: "key", name: key.data.key, bytes: new Uint8Array(Buffer.from(key.data.base64, "base64")) };
}

function cellOf(cell: z.infer<typeof cellSchema>): Cell {
  return typeof cell === "object" && cell !== null ? new Uint8Array(Buffer.from(cell.base64, "base64")) : cell;
}

async function* linesOf(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path);
  const gunzip = createGunzip();
  file.on("error", (error) => gunzip.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of file.pipe(gunzip) as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10, start)) {
        yield rest.subarray(start, at);
        start = at + 1;
      }
      rest = rest.subarray(start);
      if (rest.length > MAX_LINE_BYTES) throw damaged(path, `a line has more than ${MAX_LINE_BYTES} bytes`);
    }
  } catch (error) {
    if (error instanceof NesonError) throw error;
    const { code } = error as { code?: unknown };
    if (typeof code === "string" && !code.startsWith("Z_")) {
      const message = `reading ${path} failed: ${describeError(error)}`;
      throw new NesonError("backup-unreadable", message, { fault: "operator", cause: error });
    }
    throw damaged(path, describeError(error));
  } finally {
    file.destroy();
    gunzip.destroy();
  }
  if (rest.length > 0) throw damaged(path, "it ends within a line");
}

function parse(path: string, line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    throw damaged(path, "a line is not JSON");
  }
}

function damaged(path: string, found: string): NesonError {
  const message = `reading ${path}: ${found}; it was cut short or altered, and nothing of it is used. Take another backup.`;
  return new NesonError("backup-damaged", message, { fault: "operator" });
}
