import type { IncomingHttpHeaders } from "node:http";
import type { HttpRequest } from "../http/answer.ts";
import { fieldMapOf } from "./field-map.ts";
import type { RequestHead } from "./http1-head.ts";

/** One HTTP/1 request; what costs something is made only when asked for. */
export class Http1Request implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly rawHeaders: string[];
  readonly remoteAddress: string;
  readonly httpVersion: string;
  /** Whether the connection may serve another request after this one. */
  readonly keepsAlive: boolean;
  #headers: IncomingHttpHeaders | undefined;
  #controller: AbortController | undefined;
  #hasLeft = false;

  constructor(head: RequestHead, remoteAddress: string) {
    this.method = head.method;
    this.target = head.target;
    this.host = head.host;
    this.rawHeaders = head.rawHeaders;
    this.httpVersion = head.httpVersion;
    this.keepsAlive = head.keepsAlive;
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
