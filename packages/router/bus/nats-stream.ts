import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  type StreamInfo,
} from "@nats-io/jetstream";

/** What the stream keeps for Routers that are out of touch: whoever misses more than that reads everything again. */
const STREAM_LIMITS = { maxAgeHours: 6, maxMessages: 100_000, maxBytes: 64 * 1024 * 1024 } as const;
const NS_PER_HOUR = 3_600_000_000_000;
/** A notice that is sent again within this time, after a lost acknowledgement, counts once. */
const SAME_NS = 120_000_000_000;
const NOT_FOUND = 10_059;

/** A network's stream and subjects. */
export interface StreamNames {
  stream: string;
  notices: string;
  signals: string;
}

/** @param network hex digits that only Routers of one network share */
export function streamNamesOf(network: string): StreamNames {
  return { stream: `NESON_${network}`, notices: `neson.${network}.notices`, signals: `neson.${network}.signals` };
}

/** The stream as the server has it now; made when it is not there. One that an operator made, with replicas or other limits, is taken as it is. */
export async function openStream(manager: JetStreamManager, { stream, notices }: StreamNames): Promise<StreamInfo> {
  try {
    return await manager.streams.info(stream);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NOT_FOUND) throw error;
  }
  return await manager.streams.add({
    name: stream,
    subjects: [notices],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: STREAM_LIMITS.maxAgeHours * NS_PER_HOUR,
    max_msgs: STREAM_LIMITS.maxMessages,
    max_bytes: STREAM_LIMITS.maxBytes,
    duplicate_window: SAME_NS,
  });
}

/** How far a Router has read, and in which stream. */
export interface Position {
  /** When that stream was made, as the server says it: one made anew counts from 1 again. */
  created: string;
  /** Sequence of the last notice read. */
  sequence: number;
}

/** Where to go on reading, and why not all that was missed is there, if so. */
export function continueFrom(
  known: Position | undefined,
  { created, state }: Pick<StreamInfo, "created"> & { state: { first_seq: number; last_seq: number } },
): { position: Position; gap: string | undefined } {
  const latest = { created, sequence: state.last_seq };
  if (known === undefined) return { position: latest, gap: "the Router started" };
  if (known.created !== created) return { position: latest, gap: "the stream was made anew" };
  if (state.last_seq < known.sequence) return { position: latest, gap: "the stream lost what it had" };
  if (state.first_seq > known.sequence + 1) {
    return {
      position: latest,
      gap: `the stream begins at ${state.first_seq}, and ${known.sequence} was the last one read`,
    };
  }
  return { position: known, gap: undefined };
}
