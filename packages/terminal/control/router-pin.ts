import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { writeFileAtomic } from "@neson/kit/files";

const KEY = /^[0-9a-f]{64}$/;

/**
 * The one Router key whose manifests this Terminal believes: from the configuration, or the first one it met. It lies in a file of its
 * own, `router.key`, so that a damaged index does not open the door to another Router.
 */
export class RouterPin {
  readonly #path: string;
  #key: string | undefined;
  readonly #isConfigured: boolean;

  /** @throws NesonError `bad-router-pin` (operator) for a damaged file */
  constructor(dataDir: string, configuredKey: string | undefined) {
    this.#path = join(dataDir, "router.key");
    this.#isConfigured = configuredKey !== undefined;
    this.#key = configuredKey ?? readPin(this.#path);
  }

  /** 64 hex digits, or undefined before any Router was met. */
  get key(): string | undefined {
    return this.#key;
  }

  /**
   * Compares a Router's key with the pinned one; the first key ever met becomes it.
   *
   * @throws NesonError `wrong-router` (peer)
   */
  async check(routerKey: string): Promise<void> {
    if (this.#key === routerKey) return;
    if (this.#key === undefined) {
      // At once: another Router may be met while the file is written.
      this.#key = routerKey;
      try {
        await writeFileAtomic(this.#path, `${routerKey}\n`);
      } catch (error) {
        this.#key = undefined;
        throw error;
      }
      return;
    }
    const remedy = this.#isConfigured ? "Correct the configured key" : `Remove ${this.#path}`;
    const message = `the Router shows key ${routerKey}, pinned is ${this.#key}. ${remedy} only if you know that the Router changed its key`;
    throw new NesonError("wrong-router", message, { fault: "peer" });
  }
}

function readPin(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const key = readFileSync(path, "utf8").trim();
  if (KEY.test(key)) return key;
  const message = `${path} does not hold a Router key: found ${key.length} characters, allowed are 64 hex digits`;
  throw new NesonError("bad-router-pin", message, { fault: "operator" });
}
