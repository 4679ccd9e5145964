import type { IncomingMessage, ServerResponse } from "node:http";
import type { EdgeRequest, Headers } from "./answer.ts";

/** Where a request is aimed, or why it is refused. */
export type Aim = { target: string; host: string } | { refusal: string };

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)([^#]*)$/i;
const HOST = /^(?:[a-z0-9._~!$&'()*+,;=%-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/;

/**
 * Origin-form target and host of a request (RFC 9112 sections 3.2 and 3.2.2): exactly one valid Host field in HTTP/1.1; the authority of
 * an absolute-form target replaces it; "*" and anything else is refused.
 */
export function aimOf(target: string, rawHeaders: string[], httpVersion: string): Aim {
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return { refusal: "more than one Host header, allowed: one" };
    host = (rawHeaders[i + 1] as string).toLowerCase();
  }
  if (host === undefined && httpVersion !== "1.0") return { refusal: "no Host header, allowed: exactly one" };
  if (target.charCodeAt(0) === 47 /* "/" */) return checked(target, host ?? "");
  const absolute = ABSOLUTE_FORM.exec(target);
  if (absolute === null) return { refusal: 'request target is neither "/path" nor "http://host/path"' };
  const [, authority = "", rest = ""] = absolute;
  return checked(rest.startsWith("/") ? rest : `/${rest}`, authority.toLowerCase(), "target authority");
}

function checked(target: string, host: string, what = "Host header"): Aim {
  if (host !== "" && !HOST.test(host)) return { refusal: `${what} is not a host name with an optional port` };
  if (host === "" && what !== "Host header") return { refusal: `${what} is empty` };
  return { target, host };
}

/** The request as a handler sees it; whatever costs something is read from node's request only when asked for. */
export class NodeEdgeRequest implements EdgeRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly body: IncomingMessage;
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor(body: IncomingMessage, response: ServerResponse, aim: { target: string; host: string }) {
    this.method = body.method ?? "GET";
    this.target = aim.target;
    this.host = aim.host;
    this.body = body;
    this.#response = response;
  }

  get headers() {
    return this.body.headers;
  }

  get rawHeaders() {
    return this.body.rawHeaders;
  }

  get httpVersion() {
    return this.body.httpVersion;
  }

  get remoteAddress() {
    return this.body.socket?.remoteAddress ?? "";
  }

  trailers(): Headers {
    return this.body.rawTrailers;
  }

  inform(): void {
    // node:http writes no interim answers of a handler's own.
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      const response = this.#response;
      const socket = this.body.socket;
      const abortIfCut = () => {
        if (!response.writableFinished || socket.destroyed) controller.abort(new Error("the client left"));
      };
      if (response.destroyed || response.closed) abortIfCut();
      else response.once("close", abortIfCut);
    }
    return this.#controller.signal;
  }
}
