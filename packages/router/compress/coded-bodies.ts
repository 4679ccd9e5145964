import { Lru } from "../catalog/lru.ts";
import { encode } from "./coder.ts";
import { CODINGS, type Coding } from "./coding.ts";

/** What a coding must save to be worth sending, as a share of the bytes. */
const MIN_GAIN = 0.05;
/** Codings under way; a request beyond them is answered with the bytes as they are. */
const MAX_UNDER_WAY = 8;

/** What is kept for one object and coding; `bytes` is undefined when coding gained too little. */
export interface CodedBody {
  bytes: Uint8Array | undefined;
}

/** Coded forms of stored objects, in memory: made at the first request, once for all who ask meanwhile, and dropped when others are hotter. */
export class CodedBodies {
  readonly #kept: Lru<CodedBody>;
  readonly #underWay = new Map<string, Promise<CodedBody>>();

  constructor(options: { memoryBytes: number }) {
    this.#kept = new Lru(options.memoryBytes);
  }

  /** Bytes of memory taken. */
  get memoryBytes(): number {
    return this.#kept.cost;
  }

  /** The coded form if it is there now. */
  find(objectId: string, coding: Coding): CodedBody | undefined {
    return this.#kept.get(`${objectId}.${coding}`);
  }

  /** The coded form, made if need be; undefined when too much is being made already. */
  make(objectId: string, coding: Coding, read: () => Promise<Uint8Array>): Promise<CodedBody> | undefined {
    const id = `${objectId}.${coding}`;
    const underWay = this.#underWay.get(id);
    if (underWay !== undefined) return underWay;
    if (this.#underWay.size >= MAX_UNDER_WAY) return undefined;
    const making = this.#make(coding, read).then(
      (body) => {
        if (this.#underWay.get(id) !== making) return body;
        this.#underWay.delete(id);
        this.#kept.set(id, body, 200 + (body.bytes?.length ?? 0));
        return body;
      },
      (error) => {
        if (this.#underWay.get(id) === making) this.#underWay.delete(id);
        throw error;
      },
    );
    this.#underWay.set(id, making);
    return making;
  }

  /** Forgets an object; what is being made of it is given to those who wait, and not kept. */
  remove(objectId: string): void {
    for (const coding of CODINGS) {
      this.#kept.delete(`${objectId}.${coding}`);
      this.#underWay.delete(`${objectId}.${coding}`);
    }
  }

  async #make(coding: Coding, read: () => Promise<Uint8Array>): Promise<CodedBody> {
    const plain = await read();
    const coded = await encode(plain, coding);
    return { bytes: coded.length <= plain.length * (1 - MIN_GAIN) ? coded : undefined };
  }
}
