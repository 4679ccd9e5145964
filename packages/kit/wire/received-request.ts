import type { IncomingHttpHeaders } from "node:http";
import type { HttpRequest } from "../http/answer.ts";
import { fieldMapOf } from "./field-map.ts";

/** What every version of HTTP's request has in common; what costs something is made only when asked for. */
export abstract class ReceivedRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly remoteAddress: string;
  abstract readonly rawHeaders: string[];
  abstract readonly httpVersion: string;
  #headers: IncomingHttpHeaders | undefined;
  #controller: AbortController | undefined;
  #hasLeft = false;

  constructor(head: { method: string; target: string; host: string }, remoteAddress: string) {
    this.method = head.method;
    this.target = head.target;
    this.host = head.host;
    this.remoteAddress = remoteAddress;
  }

  get headers(): IncomingHttpHeaders {
    this.#headers ??= fieldMapOf(this.rawHeaders);
    return this.#headers;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#hasLeft) this.#abort();
    }
    return this.#controller.signal;
  }

  /** The client left before its answer was complete. */
  leave(): void {
    this.#hasLeft = true;
    if (this.#controller !== undefined) this.#abort();
  }

  #abort(): void {
    this.#controller?.abort(new Error("the client left"));
  }
}
