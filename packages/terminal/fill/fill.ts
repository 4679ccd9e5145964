import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import { backoffMs } from "@neson/kit/retry";
import { type ObjectDescription, pieceCount } from "@neson/protocol/object";
import { stampOf } from "../store/file-body.ts";
import { isPiece, verifyPieces } from "../store/verify-pieces.ts";
import { Assembly } from "./assembly.ts";
import { fetchBytes, SourceRefusal } from "./fetch-bytes.ts";
import { FillBody } from "./fill-body.ts";
import { fillError, fillErrorOf } from "./fill-error.ts";
import { nextGap, type Run } from "./gaps.ts";
import { PartFile } from "./part-file.ts";
import { Patience } from "./patience.ts";
import { PieceStates } from "./piece-states.ts";

/** Bounds of one fill. */
export interface FillLimits {
  /** A source that sends nothing for this long is left, ms. */
  idleMs: number;
  /** A piece must be complete within this, ms, however it drips. */
  pieceMs: number;
  /** Broken-off or failed requests in a row, without a good piece between, before the fill is given up. */
  maxFailures: number;
  /** Workers fetching at different places at once. */
  maxWorkers: number;
  /** A reader more than this many pieces ahead of every worker gets one of its own. */
  readAheadPieces: number;
}

/** The bounds in use outside of tests. */
export const FILL_LIMITS: FillLimits = {
  idleMs: 15_000,
  pieceMs: 120_000,
  maxFailures: 5,
  maxWorkers: 4,
  readAheadPieces: 16,
};

const RETRY_BASE_MS = 200;
const RETRY_MAX_MS = 5000;

/** What a fill needs. */
export interface FillOptions {
  description: ObjectDescription;
  partialPath: string;
  /** Where the bytes are; may be replaced by a fresher one while the fill runs. */
  sourceUrl: string;
  limits: FillLimits;
}

/** What a fill works with. */
export interface FillDeps {
  clock: Clock;
  random: () => number;
  /** Body bytes read for clients. */
  onBytes: (bytes: number) => void;
}

/**
 * Brings one object into a file, piece by piece. A piece counts once its hash was right and it was written; readers get pieces as they come
 * and can ask for any place. What an earlier try left in the file is hashed again and used. Whoever started it must close it.
 */
export class Fill {
  /**
   * Resolves, once every piece is there and flushed to disk, with the file's stamp; rejects with a NesonError of a FillErrorCode. Taken
   * here and not once the file is in its place: whoever touches it in between must show.
   */
  readonly complete: Promise<string>;
  sourceUrl: string;
  readonly #description: ObjectDescription;
  readonly #limits: FillLimits;
  readonly #deps: FillDeps;
  readonly #file: PartFile;
  readonly #states: PieceStates;
  readonly #runs: Run[] = [];
  readonly #workers = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #isResumed = false;
  #isClosed = false;
  #failuresInARow = 0;
  #badPieceCount = 0;

  private constructor(options: FillOptions, deps: FillDeps, file: PartFile) {
    const { description } = options;
    this.#description = description;
    this.#limits = options.limits;
    this.#deps = deps;
    this.#file = file;
    this.sourceUrl = options.sourceUrl;
    this.#states = new PieceStates(pieceCount(description.size, description.pieceSize));
    this.complete = this.#run();
    this.complete.catch(() => {});
  }

  /** @throws NesonError `disk` */
  static async start(options: FillOptions, deps: FillDeps): Promise<Fill> {
    try {
      return new Fill(options, deps, await PartFile.open(options.partialPath, options.description.size));
    } catch (error) {
      throw fillErrorOf(error);
    }
  }

  /** How many pieces are there. */
  get haveCount(): number {
    return this.#states.haveCount;
  }

  /**
   * Bytes first..last, inclusive, each once its piece is verified; undefined once the fill is closed. The caller must read it to its end
   * or call `return`.
   */
  read(first: number, last: number): FillBody | undefined {
    if (this.#isClosed) return undefined;
    this.#file.acquire();
    return new FillBody({ first, last, pieceSize: this.#description.pieceSize }, this.#file, {
      wait: (index) => this.wait(index),
      has: (index) => this.#states.has(index),
      onBytes: this.#deps.onBytes,
    });
  }

  /** Resolves once the piece can be read; rejects as `complete` does. Makes a worker go there when none is near. */
  wait(index: number): Promise<void> {
    if (!this.#states.has(index) && this.#isResumed) this.#bringWorkerTo(index);
    return this.#states.wait(index);
  }

  /** Ends the fill with `cancelled`, unless it is over. What is in the file stays there. */
  cancel(reason: string): void {
    this.#fail(fillError("cancelled", reason));
  }

  /** Lets go of the file once `complete` has settled; bodies that are being read keep it open until their end. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.complete.catch(() => {});
    await this.#file.release();
  }

  async #run(): Promise<string> {
    try {
      await this.#resume();
      this.#isResumed = true;
      if (this.#states.isComplete) this.#finished.resolve();
      else this.#startWorker(0);
      for (const index of [...this.#states.waitedFor()]) this.#bringWorkerTo(index);
      await this.#finished.promise;
      await this.#endWorkers();
      await this.#file.handle.datasync();
      return stampOf(await this.#file.handle.stat());
    } catch (error) {
      this.#fail(error);
      throw fillErrorOf(error);
    } finally {
      await this.#endWorkers();
    }
  }

  /** No worker may write once the descriptor is closed: its number may be another file's by then. */
  async #endWorkers(): Promise<void> {
    this.#stopping.abort(fillError("cancelled", "the fill is over"));
    await Promise.all(this.#workers);
  }

  /** Never trusts a note of what was there: only the bytes themselves say so. */
  async #resume(): Promise<void> {
    const { size } = this.#description;
    if (size > 0 && (await this.#file.handle.stat()).size === 0) return;
    await verifyPieces(this.#file.handle, this.#description, {
      signal: this.#stopping.signal,
      onPiece: (index, isGood) => {
        if (isGood) this.#states.add(index);
        return true;
      },
    });
    if (size === 0 && !this.#states.isComplete) throw fillError("bad-bytes", "the empty object has another piece hash");
  }

  #bringWorkerTo(index: number): void {
    const near = this.#runs.some(({ next, end }) => {
      return index >= next && index < end && index - next <= this.#limits.readAheadPieces;
    });
    if (near || this.#runs.length >= this.#limits.maxWorkers || this.#states.has(index)) return;
    // Whoever was to come here later stops where the new worker begins.
    for (const run of this.#runs) if (index > run.next && index < run.end) run.end = index;
    this.#startWorker(index);
  }

  #startWorker(from: number): void {
    const run: Run = { next: from, end: from };
    this.#runs.push(run);
    const worker = this.#work(run)
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#runs.splice(this.#runs.indexOf(run), 1);
        this.#workers.delete(worker);
        if (this.#states.isComplete) this.#finished.resolve();
      });
    this.#workers.add(worker);
  }

  async #work(run: Run): Promise<void> {
    for (;;) {
      this.#stopping.signal.throwIfAborted();
      const others = this.#runs.filter((other) => other !== run);
      const gap = nextGap(this.#states.have, others, run.next);
      if (gap === undefined) return;
      run.next = gap.next;
      run.end = gap.end;
      try {
        await this.#fetch(run);
      } catch (error) {
        await this.#judge(error);
      }
    }
  }

  async #fetch(run: Run): Promise<void> {
    const { size, pieceSize } = this.#description;
    const first = run.next * pieceSize;
    const last = Math.min(size, run.end * pieceSize) - 1;
    const isWhole = first === 0 && last === size - 1;
    const fetched = await fetchBytes({
      url: this.sourceUrl,
      range: isWhole ? undefined : { first, last },
      idleMs: this.#limits.idleMs,
      signal: this.#stopping.signal,
    });
    const assembly = new Assembly(this.#description, run.next, first - fetched.first);
    const patience = new Patience(this.#limits.pieceMs, this.#deps.clock);
    for await (const chunk of fetched.body) {
      for (let rest = chunk; rest.length > 0; ) {
        rest = assembly.take(rest);
        if (assembly.complete === undefined) continue;
        await this.#keep(assembly.index, assembly.complete);
        run.next = assembly.advance();
        patience.renew();
        // The end, or a place where somebody else has been: whatever else the source would send is cut off here.
        if (run.next >= run.end || this.#states.has(run.next)) return;
      }
      patience.check(`piece ${run.next}`);
    }
    throw new Error(`the source ended in piece ${run.next}, ${run.end - run.next} pieces early`);
  }

  async #keep(index: number, bytes: Uint8Array): Promise<void> {
    if (this.#states.has(index)) return;
    if (!isPiece(this.#description.pieces, index, bytes)) {
      throw fillError("bad-bytes", `piece ${index} does not match its hash`);
    }
    try {
      await this.#file.write(bytes, index * this.#description.pieceSize);
    } catch (error) {
      throw fillErrorOf(error);
    }
    this.#stopping.signal.throwIfAborted();
    this.#failuresInARow = 0;
    this.#states.add(index);
  }

  /** Returns when another try makes sense, after a pause; throws when it does not. */
  async #judge(error: unknown): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    if (error instanceof SourceRefusal) throw fillError("unreachable", describeError(error), error);
    const code = error instanceof NesonError ? error.code : undefined;
    if (code === "bad-bytes") {
      this.#badPieceCount++;
      if (this.#badPieceCount > 1) throw error;
      return;
    }
    if (code === "disk") throw error;
    this.#failuresInARow++;
    if (this.#failuresInARow >= this.#limits.maxFailures) {
      const message = `the source failed ${this.#failuresInARow} times in a row, last: ${describeError(error)}`;
      throw fillError("unreachable", message, error);
    }
    const pause = { baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random: this.#deps.random };
    await this.#deps.clock.sleep(backoffMs(this.#failuresInARow - 1, pause), this.#stopping.signal);
  }

  #fail(error: unknown): void {
    const failure = fillErrorOf(error);
    // With everything there, a worker that another one overtook has nothing to complain about.
    if (this.#states.isComplete && failure.code !== "disk" && failure.code !== "bad-bytes") return;
    this.#states.fail(failure);
    this.#stopping.abort(failure);
    this.#finished.reject(failure);
    this.#finished.promise.catch(() => {});
  }
}
