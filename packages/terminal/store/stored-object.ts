import type { HeaderSet } from "./header-set.ts";

/**
 * - `partial`: room is taken, bytes are missing; served only through its fill
 * - `unchecked`: was whole before this process started; not served until the start check has read it
 * - `whole`: every piece was verified in this run
 */
export type ObjectState = "partial" | "unchecked" | "whole";

/** One object as this Terminal knows it. Made and changed by the ObjectStore; others read it, but for what is said below. */
export interface StoredObject {
  readonly objectId: string;
  /** Bytes of the whole. */
  readonly size: number;
  readonly pieceSize: number;
  /** Of the whole, hex. */
  readonly sha256: string;
  state: ObjectState;
  /** By headersId. */
  readonly headerSets: Map<string, HeaderSet>;
  /** What the file looked like when it was verified: `stampOf`. "" until then. */
  stamp: string;
  /** A fill is at work on it; set by Fills. Keeps its room from being taken. */
  isFilling: boolean;
  /** Requests in all, over restarts. */
  requestCount: number;
  lastUsedAtMs: number;
  /** The whole of it, verified, while the memory cache holds it; set by MemoryCache. */
  memory: Uint8Array | undefined;
  /** Asked for since the memory cache last looked; set on every hit. */
  wasHit: boolean;
  /** Being read into memory. */
  isWarming: boolean;
}
