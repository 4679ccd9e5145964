import { MAX_OBJECT_BYTES } from "@neson/protocol/object";
import type { HeaderSet } from "./header-set.ts";
import type { ObjectRow } from "./object-rows.ts";

/**
 * - `partial`: room is taken, bytes are missing; served only through its fill
 * - `unchecked`: was whole before this process started; not served until the start check has read it
 * - `whole`: every piece was verified in this run
 */
export type ObjectState = "partial" | "unchecked" | "whole";

/** How an object is to be kept, as the Router that ordered it said. */
export interface KeepTerms {
  /** Unix seconds after which it goes without asking; undefined: it stays for as long as it is asked for. */
  keepUntilSeconds: number | undefined;
  /** It must not be evicted before `keepUntilSeconds`. */
  isPinned: boolean;
  /** A Router placed it here; otherwise a viewer's ticket made this Terminal ask for it. */
  isPlaced: boolean;
}

/** One object as this Terminal knows it. Made and changed by the ObjectStore; others read it, but for what is said below. */
export interface StoredObject extends KeepTerms {
  readonly objectId: string;
  /** Bytes of the whole. */
  readonly size: number;
  readonly pieceSize: number;
  /** Of the whole, hex. */
  readonly sha256: string;
  state: ObjectState;
  /** It was whole before it became what it is: most of a partial one's bytes are good. */
  wasWhole: boolean;
  /** By headersId. */
  readonly headerSets: Map<string, HeaderSet>;
  /** What the file looked like when it was verified: `stampOf`. "" until then. */
  stamp: string;
  /** A fill is at work on it; set by Fills. Keeps its room from being taken. */
  isFilling: boolean;
  /** Answers being sent from it; counted by serving. Keeps it from being evicted. */
  transferCount: number;
  /** Placed, or asked for more than once: what is not goes first when room is needed. */
  isAdmitted: boolean;
  /** Requests in all, over restarts. */
  requestCount: number;
  lastUsedAtMs: number;
  /** Requests that the eviction policy has not been told of. */
  newUseCount: number;
  /** The whole of it, verified, while the memory cache holds it; set by MemoryCache. */
  memory: Uint8Array | undefined;
  /** Answers read from disk since the start; counted by warming. */
  diskReadCount: number;
  /** Asked for since the memory cache last looked; set on every hit. */
  wasHit: boolean;
  /** Being read into memory. */
  isWarming: boolean;
}

/** What names an object and gives its shape. */
export type ObjectShape = Pick<StoredObject, "objectId" | "size" | "pieceSize" | "sha256">;

/** An object that nobody has asked for yet. */
export function newObject(shape: ObjectShape, state: ObjectState, terms: KeepTerms): StoredObject {
  const { objectId, size, pieceSize, sha256 } = shape;
  const { keepUntilSeconds, isPinned, isPlaced } = terms;
  return {
    objectId,
    size,
    pieceSize,
    sha256,
    keepUntilSeconds,
    isPinned,
    isPlaced,
    state,
    wasWhole: state !== "partial",
    headerSets: new Map(),
    stamp: "",
    isFilling: false,
    transferCount: 0,
    isAdmitted: isPlaced,
    requestCount: 0,
    lastUsedAtMs: 0,
    newUseCount: 0,
    memory: undefined,
    diskReadCount: 0,
    wasHit: false,
    isWarming: false,
  };
}

/** How many requests an object that no Router placed must have had to be kept like one. */
export const ADMITTED_REQUESTS = 2;

/** The object of a row as a former run left it; undefined when what the row says cannot be. */
export function objectOfRow(row: ObjectRow): StoredObject | undefined {
  if (!isSane(row)) return undefined;
  const { object_id: objectId, size, piece_size: pieceSize, sha256, keep_until: keepUntil } = row;
  const terms = {
    keepUntilSeconds: keepUntil ?? undefined,
    isPinned: row.is_pinned === 1,
    isPlaced: row.is_placed === 1,
  };
  const object = newObject({ objectId, size, pieceSize, sha256 }, row.is_whole === 1 ? "unchecked" : "partial", terms);
  object.requestCount = row.request_count;
  object.lastUsedAtMs = row.last_used_at_ms;
  object.isAdmitted = terms.isPlaced || object.requestCount >= ADMITTED_REQUESTS;
  return object;
}

const HASH = /^[0-9a-f]{64}$/;

/** An index can be a sound database and say nonsense. The id above all: it becomes a file name. */
function isSane(row: ObjectRow): boolean {
  return (
    HASH.test(row.object_id) &&
    HASH.test(row.sha256) &&
    isCount(row.size, MAX_OBJECT_BYTES) &&
    isCount(row.piece_size, 0xffff_ffff) &&
    row.piece_size > 0 &&
    isCount(row.request_count) &&
    isCount(row.last_used_at_ms) &&
    (row.keep_until === null || isCount(row.keep_until))
  );
}

function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}
