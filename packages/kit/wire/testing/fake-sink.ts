import type { ByteSink } from "../connection.ts";

/** A sink that takes as many bytes as the test says and remembers everything. */
export class FakeSink implements ByteSink {
  readonly remoteAddress = "192.0.2.1";
  readonly isSecure = false;
  /** Bytes it still takes. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** What it took, each byte as one character. */
  taken = "";
  /** How often it was written to. */
  writes = 0;
  hasEnded = false;
  isTerminated = false;
  isPaused = false;

  write(bytes: Uint8Array, offset: number): number {
    if (this.hasEnded || this.isTerminated) return -1;
    this.writes++;
    const size = Math.min(this.roomBytes, bytes.length - offset);
    this.roomBytes -= size;
    this.taken += Buffer.from(bytes.buffer, bytes.byteOffset + offset, size).toString("latin1");
    return size;
  }

  end(): void {
    this.hasEnded = true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  terminate(): void {
    this.isTerminated = true;
  }

  /** True once nothing more will be sent. */
  get isOver(): boolean {
    return this.hasEnded || this.isTerminated;
  }
}
