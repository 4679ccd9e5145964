import type { Notice, Signal } from "./message.ts";

/** Who acts on what other Routers say. */
export interface BusHandlers {
  /** Takes a notice of another Router. One comes after the other; a rejection counts as a gap. */
  notice: (notice: Notice, from: string) => void | Promise<void>;
  /** Takes a signal of another Router. Must not throw. */
  signal: (signal: Signal, from: string) => void;
  /** What others said meanwhile cannot be had: everything that notices keep in step is to be read again. Tried again until it does not reject. */
  resync: (why: string) => Promise<void>;
}

/**
 * What joins the Routers of one network. Nothing is lost silently: a notice reaches every other Router that is there, in order, or that Router is told
 * to resync. Publishing never throws and never waits; a Router that is out of touch goes on alone.
 */
export interface Bus extends AsyncDisposable {
  /** This process among the Routers; another one after each start. */
  readonly routerId: string;
  /** Whether others hear this Router now. */
  readonly isConnected: boolean;
  /** Begins to listen; call once. */
  start(handlers: BusHandlers): void;
  publish(notice: Notice): void;
  /** Says something to whoever listens now. */
  signal(signal: Signal): void;
}
