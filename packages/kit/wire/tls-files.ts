import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { describeError, NesonError } from "../error.ts";
import type { Log } from "../log.ts";
import type { TlsPair } from "./tls-pair.ts";

/** Where the pair lies. */
export interface TlsPaths {
  certFile: string;
  keyFile: string;
}

/** What watching needs. */
export interface TlsFilesDeps {
  clock: Clock;
  log: Log;
}

const LOOK_MS = 5000;
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * The certificate and key of this service, from files that whoever renews them may replace at any time. The key stays on this machine:
 * nothing but the listener ever gets it.
 */
export class TlsFiles implements AsyncDisposable {
  readonly #paths: TlsPaths;
  readonly #deps: TlsFilesDeps;
  readonly #stopping = new AbortController();
  #looks: string;
  #watching: Promise<void> = Promise.resolve();
  #expiresAtMs: number;
  /** As they were when this was made. */
  readonly first: TlsPair;

  /** @throws NesonError `bad-tls` (operator) for a file that cannot be read */
  constructor(paths: TlsPaths, deps: TlsFilesDeps) {
    this.#paths = paths;
    this.#deps = deps;
    this.#looks = looksOf(paths);
    this.first = readPair(paths);
    this.#expiresAtMs = expiryOf(this.first, paths);
  }

  /** When the certificate in use ends, Unix ms. */
  get expiresAtMs(): number {
    return this.#expiresAtMs;
  }

  /**
   * Hands a replaced pair to `reload`. A pair that cannot be used is logged and looked at again, because its two files are rarely replaced
   * at once; the old one stays in use meanwhile.
   */
  watch(reload: (pair: TlsPair) => void): void {
    this.#watching = this.#watch(reload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("the service is stopping"));
    await this.#watching;
  }

  async #watch(reload: (pair: TlsPair) => void): Promise<void> {
    const { clock, log } = this.#deps;
    let told = "";
    for (;;) {
      await clock.sleep(LOOK_MS, this.#stopping.signal).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      try {
        const looks = looksOf(this.#paths);
        if (looks === this.#looks) continue;
        const pair = readPair(this.#paths);
        const expiresAtMs = expiryOf(pair, this.#paths);
        reload(pair);
        this.#looks = looks;
        this.#expiresAtMs = expiresAtMs;
        told = "";
        log.info({ expiresAt: new Date(expiresAtMs).toISOString() }, "certificate reloaded");
      } catch (error) {
        const text = describeError(error);
        if (text !== told) log.error(`the replaced certificate is not in use: ${text}`);
        told = text;
      }
    }
  }
}

/**
 * The files that the options `--tls-cert` and `--tls-key` name; undefined when neither is given.
 * @throws NesonError `bad-option` (operator) when only one is given; `bad-tls` (operator)
 */
export function openTlsFiles(
  { certFile, keyFile }: { certFile: string | undefined; keyFile: string | undefined },
  deps: TlsFilesDeps,
): TlsFiles | undefined {
  if (certFile !== undefined && keyFile !== undefined) return new TlsFiles({ certFile, keyFile }, deps);
  if (certFile === undefined && keyFile === undefined) return undefined;
  const [found, missing] = certFile === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  const message = `option ${missing}: found nothing, allowed: a PEM file, because ${found} is given`;
  throw new NesonError("bad-option", message, { fault: "operator" });
}

function looksOf({ certFile, keyFile }: TlsPaths): string {
  return [certFile, keyFile]
    .map((path) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats === undefined ? "gone" : `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
    })
    .join(" ");
}

function readPair({ certFile, keyFile }: TlsPaths): TlsPair {
  return { cert: readPem("--tls-cert", certFile), key: readPem("--tls-key", keyFile) };
}

function readPem(flag: string, path: string): string {
  const allowed = "allowed: a PEM file that this user may read";
  let text: string;
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const message = `option ${flag}: found ${path}, which cannot be read (${describeError(cause)}), ${allowed}`;
    throw new NesonError("bad-tls", message, { fault: "operator", cause });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new NesonError("bad-tls", `option ${flag}: found ${path}, which is not PEM, ${allowed}`, { fault: "operator" });
}

function expiryOf({ cert }: TlsPair, { certFile }: TlsPaths): number {
  try {
    return new X509Certificate(cert).validToDate.getTime();
  } catch (cause) {
    const message = `option --tls-cert: found ${certFile}, in which no certificate can be read, allowed: a PEM certificate chain`;
    throw new NesonError("bad-tls", message, { fault: "operator", cause });
  }
}
