import type { RequestHead } from "./http1-head.ts";
import type { ReceivedContent } from "./received-content.ts";
import { type Informer, ReceivedRequest } from "./received-request.ts";

/** One HTTP/1 request. */
export class Http1Request extends ReceivedRequest {
  readonly rawHeaders: string[];
  readonly httpVersion: string;
  /** Whether the connection may serve another request after this one. */
  readonly keepsAlive: boolean;
  /** Whether the connection may become a tunnel. */
  readonly offersUpgrade: boolean;

  constructor(head: RequestHead, remoteAddress: string, content: ReceivedContent | undefined, informer: Informer) {
    super(head, remoteAddress, content, informer);
    this.rawHeaders = head.rawHeaders;
    this.httpVersion = head.httpVersion;
    this.keepsAlive = head.keepsAlive;
    this.offersUpgrade = head.offersUpgrade;
  }
}
