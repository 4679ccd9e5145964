import type { IncomingHttpHeaders } from "node:http";
import type { EdgeRequest, Headers } from "../http/answer.ts";
import { fieldMapOf } from "./field-map.ts";
import { NO_CONTENT, type ReceivedContent } from "./received-content.ts";

/** Sends interim answers. */
export interface Informer {
  inform(request: ReceivedRequest, status: number, headers: Headers): void;
}

/** What every version of HTTP's request has in common; what costs something is made only when asked for. */
export abstract class ReceivedRequest implements EdgeRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly remoteAddress: string;
  abstract readonly rawHeaders: string[];
  abstract readonly httpVersion: string;
  #headers: IncomingHttpHeaders | undefined;
  #controller: AbortController | undefined;
  #hasLeft = false;
  readonly #content: ReceivedContent | undefined;
  readonly #informer: Informer;

  constructor(
    head: { method: string; target: string; host: string },
    remoteAddress: string,
    content: ReceivedContent | undefined,
    informer: Informer,
  ) {
    this.#content = content;
    this.#informer = informer;
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

  get body(): AsyncIterable<Uint8Array> {
    return this.#content ?? NO_CONTENT;
  }

  trailers(): Headers {
    return this.#content?.trailers() ?? [];
  }

  inform(status: number, headers: Headers): void {
    if (Number.isInteger(status) && status >= 102 && status <= 199) this.#informer.inform(this, status, headers);
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
