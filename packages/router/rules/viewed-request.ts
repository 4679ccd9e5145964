import type { EdgeRequest, Headers } from "@neson/kit/http/answer";
import { fieldMapOf } from "@neson/kit/wire/field-map";

/** What the rest of the Router sees differently than the client sent it. */
export interface RequestChanges {
  target?: string;
  remoteAddress?: string;
  /** Lower-case names of fields that are gone, for the cache as well as for the origin. */
  without?: ReadonlySet<string>;
  /** Flat list of fields that stand in their place, for both. */
  instead?: Headers;
  /** Flat list of fields for the origin alone: its cache keys and this Router's decisions do not depend on what every request gets. */
  forOrigin?: Headers;
}

/** A thin wrapper around a request of which rules changed something; content and signals are the original's. */
export class ViewedRequest implements EdgeRequest {
  readonly original: EdgeRequest;
  readonly target: string;
  readonly remoteAddress: string;
  readonly #changes: RequestChanges;
  #headers: EdgeRequest["headers"] | undefined;
  #rawHeaders: Headers | undefined;

  constructor(original: EdgeRequest, changes: RequestChanges) {
    this.original = original;
    this.target = changes.target ?? original.target;
    this.remoteAddress = changes.remoteAddress ?? original.remoteAddress;
    this.#changes = changes;
    const { without, instead, forOrigin } = changes;
    if (without === undefined && instead === undefined) this.#headers = original.headers;
    if (this.#headers !== undefined && forOrigin === undefined) this.#rawHeaders = original.rawHeaders;
  }

  get method(): string {
    return this.original.method;
  }

  get host(): string {
    return this.original.host;
  }

  get httpVersion(): string {
    return this.original.httpVersion;
  }

  get signal(): AbortSignal {
    return this.original.signal;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.original.body;
  }

  /** By name, as decisions read them. */
  get headers(): EdgeRequest["headers"] {
    this.#headers ??= fieldMapOf(this.#shown());
    return this.#headers;
  }

  /** As they go to the origin. */
  get rawHeaders(): Headers {
    this.#rawHeaders ??= this.#shown().concat(this.#changes.forOrigin ?? []);
    return this.#rawHeaders;
  }

  trailers(): Headers {
    return this.original.trailers();
  }

  inform(status: number, headers: Headers): void {
    this.original.inform(status, headers);
  }

  #shown(): Headers {
    const { without, instead = [] } = this.#changes;
    const { rawHeaders } = this.original;
    if (without === undefined) return rawHeaders.concat(instead);
    const kept: Headers = [];
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? "";
      if (!without.has(name.toLowerCase())) kept.push(name, rawHeaders[i + 1] ?? "");
    }
    return kept.concat(instead);
  }
}
