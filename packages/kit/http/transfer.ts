import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Answer } from "./answer.ts";

/**
 * One answer whose bytes did not all fit into the kernel's buffer at once. Facts of Bun's `node:http` this rests on:
 * - `writableLength` is live, and 0 exactly when the kernel has everything;
 * - `finish` also fires for a body that was cut off after `end()`; only `socket.destroyed` tells the two apart;
 * - when the connection breaks, `writableLength` drops to 0 before any event, so what was queued must be sampled earlier.
 */
export class Transfer {
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #answer: Answer;
  readonly #onOver: (transfer: Transfer) => void;
  #writtenBytes = 0;
  #queuedBytes = 0;
  #takenBytes = 0;
  #over = false;
  #wake: (() => void) | undefined;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #progressAtMs: number;

  constructor(response: ServerResponse, socket: Socket, answer: Answer, nowMs: number, onOver: (t: Transfer) => void) {
    this.#response = response;
    this.#socket = socket;
    this.#answer = answer;
    this.#onOver = onOver;
    this.#progressAtMs = nowMs;
    response.on("close", () => this.#finish());
    response.on("drain", () => this.#drained());
  }

  /** True once `sent` has been called, or is being called. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Follows a body already given to `end()` until the kernel has it. */
  followEnded(bodyBytes: number): void {
    this.#writtenBytes = bodyBytes;
    this.#queuedBytes = Math.min(bodyBytes, this.#response.writableLength);
  }

  /** Pulls a body and writes it as fast as the client takes it. `expectedBytes` is the Content-Length given, if any. */
  async pump(body: AsyncIterable<Uint8Array>, expectedBytes: number | undefined): Promise<void> {
    const iterator = body[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (!this.#over) {
      const step = await iterator.next();
      if (this.#over) return;
      if (step.done) {
        this.#iterator = undefined;
        break;
      }
      if (step.value.length === 0) continue;
      if (expectedBytes !== undefined && this.#writtenBytes + step.value.length > expectedBytes) {
        throw new Error(`body is longer than its Content-Length ${expectedBytes}`);
      }
      await this.#write(step.value);
    }
    if (this.#over) return;
    if (expectedBytes !== undefined && this.#writtenBytes < expectedBytes) {
      throw new Error(`body ended after ${this.#writtenBytes} bytes, its Content-Length is ${expectedBytes}`);
    }
    this.#response.end();
    this.#sample();
  }

  /** Looks at the queue between events; cuts off a client that has taken nothing for `stallMs`. */
  inspect(nowMs: number, stallMs: number): void {
    if (this.#over) return;
    this.#sample();
    const takenBytes = this.#writtenBytes - this.#queuedBytes;
    if (takenBytes > this.#takenBytes) this.#answer.progress?.(takenBytes);
    if (this.#queuedBytes === 0 || takenBytes > this.#takenBytes) this.#progressAtMs = nowMs;
    else if (nowMs - this.#progressAtMs >= stallMs) this.cut();
    this.#takenBytes = takenBytes;
  }

  /** Breaks the connection, so that a short body can never pass for a whole one. */
  cut(): void {
    if (this.#over) return;
    this.#sample();
    this.#socket.destroy();
    this.#finish();
  }

  #write(chunk: Uint8Array): Promise<void> | undefined {
    const accepted = this.#response.write(chunk);
    this.#writtenBytes += chunk.length;
    if (accepted) return undefined;
    this.#queuedBytes = Math.min(this.#writtenBytes, this.#response.writableLength);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #drained(): void {
    this.#sample();
    this.#wakeWriter();
  }

  #sample(): void {
    if (!this.#socket.destroyed) this.#queuedBytes = Math.min(this.#writtenBytes, this.#response.writableLength);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onOver(this);
    const complete = this.#response.writableFinished && !this.#socket.destroyed;
    if (complete) this.#queuedBytes = 0;
    this.#wakeWriter();
    // A source that fails while being told to stop has nobody left to tell.
    this.#iterator?.return?.()?.catch(() => {});
    this.#answer.sent?.(this.#writtenBytes - this.#queuedBytes, complete);
  }

  #wakeWriter(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
