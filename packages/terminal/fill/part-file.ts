import { type FileHandle, open } from "node:fs/promises";

/** A file being filled, kept open as long as the fill or one of its readers needs it, wherever it is renamed to meanwhile. */
export class PartFile {
  readonly #handle: FileHandle;
  #userCount = 1;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens or creates it, cut to at most `maxBytes`. The caller is its first user. */
  static async open(path: string, maxBytes: number): Promise<PartFile> {
    const handle = await openOrCreate(path);
    try {
      if ((await handle.stat()).size > maxBytes) await handle.truncate(maxBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new PartFile(handle);
  }

  get handle(): FileHandle {
    return this.#handle;
  }

  /** One more user. */
  acquire(): void {
    this.#userCount++;
  }

  /** One user less; the last one closes it. */
  async release(): Promise<void> {
    this.#userCount--;
    if (this.#userCount === 0) await this.#handle.close();
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}

async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") throw error;
    return open(path, "w+", 0o600);
  }
}
