import type { IncomingHttpHeaders } from "node:http";
import { aimOf } from "../http/aim.ts";
import type { EdgeRequest, Headers } from "../http/answer.ts";
import { fieldMapOf } from "./field-map.ts";
import { NO_CONTENT } from "./received-content.ts";

/**
 * A request that came over HTTP/3, as `Bun.serve` gives it. Two things are lost there: the target is normalised as a URL (dot segments are gone,
 * some characters are escaped), and fields of one name are joined, their names in lower case.
 */
export class Http3Request implements EdgeRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly rawHeaders: string[];
  readonly remoteAddress: string;
  readonly signal: AbortSignal;
  readonly httpVersion = "3.0";
  readonly body = NO_CONTENT;
  #headers: IncomingHttpHeaders | undefined;

  private constructor(request: Request, aim: { target: string; host: string }, rawHeaders: string[], remote: string) {
    this.method = request.method;
    this.target = aim.target;
    this.host = aim.host;
    this.rawHeaders = rawHeaders;
    this.remoteAddress = remote;
    this.signal = request.signal;
  }

  /** The request, or why it is refused. */
  static of(request: Request, remoteAddress: string): Http3Request | { refusal: string } {
    const rawHeaders = [...request.headers].flat();
    const { url } = request;
    const aim = aimOf(url.slice(url.indexOf("/", "https://".length)), rawHeaders, "3.0");
    return "refusal" in aim ? aim : new Http3Request(request, aim, rawHeaders, remoteAddress);
  }

  trailers(): Headers {
    return [];
  }

  inform(): void {
    // Bun.serve writes no interim answers.
  }

  get headers(): IncomingHttpHeaders {
    this.#headers ??= fieldMapOf(this.rawHeaders);
    return this.#headers;
  }
}
