import type { RequestHead } from "./http1-head.ts";
import { ReceivedRequest } from "./received-request.ts";

/** One HTTP/1 request. */
export class Http1Request extends ReceivedRequest {
  readonly rawHeaders: string[];
  readonly httpVersion: string;
  /** Whether the connection may serve another request after this one. */
  readonly keepsAlive: boolean;

  constructor(head: RequestHead, remoteAddress: string) {
    super(head, remoteAddress);
    this.rawHeaders = head.rawHeaders;
    this.httpVersion = head.httpVersion;
    this.keepsAlive = head.keepsAlive;
  }
}
