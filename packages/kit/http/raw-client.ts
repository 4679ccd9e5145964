import { connect, type Socket } from "node:net";

/** A bare TCP connection for tests that must see and send exact bytes. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  /** All bytes received so far, each as one character. */
  received = "";
  closed = false;
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#changed();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.#changed();
    });
  }

  /** Connects to a port of 127.0.0.1. */
  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new RawClient(socket)));
      socket.once("error", reject);
    });
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Resolves with all received bytes once they match; rejects with them after `deadlineMs`. */
  until(expected: RegExp | "closed", deadlineMs = 5000): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (expected === "closed" ? !this.closed : !expected.test(this.received)) return false;
        clearTimeout(timer);
        resolve(this.received);
        return true;
      };
      const timer = setTimeout(() => {
        const seen = JSON.stringify(this.received.slice(0, 500));
        reject(new Error(`waited ${deadlineMs} ms for ${expected}, received ${seen}`));
      }, deadlineMs);
      this.#changed = check;
      check();
    });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
