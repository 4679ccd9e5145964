/** What is wrong with the line between one Terminal and everybody else; an empty object is a line in order. */
export interface LineFault {
  /** The Terminal sends no more than this, all connections together. */
  rateBytesPerSecond?: number;
  /** What the Terminal sends is so much later. */
  delayMs?: number;
  /** Share of packets that get lost, in both directions. */
  lossRatio?: number;
  /** Viewers and the Router's dial-back get no answer, while the control channel is as it was. */
  isMute?: boolean;
}

/** One Terminal's line. */
export interface Line {
  /** In force for open connections too, as soon as this resolves. */
  spoil(fault: LineFault): Promise<void>;
}

/** Where a Terminal is put, so that its line can be spoiled. */
export interface Place extends AsyncDisposable {
  line: Line;
  /** Runs a command there. */
  prefix: string[];
  /** Where it listens, how viewers reach it, and how it reaches the Router: flags without their hyphens. */
  flags: Record<string, string>;
}

/** One way of having lines that can be spoiled. */
export interface Ground extends AsyncDisposable {
  /** For people. */
  name: string;
  /**
   * Whether what a slow line does not carry yet waits with the Terminal. Between two processes of one machine the system takes more than a megabyte off
   * its hands at once, so that it looks fast.
   */
  holdsBack: boolean;
  /** Flags of the Router, so that Terminals reach it. */
  routerFlags: string[];
  /** @param number 1 for the first Terminal */
  place(number: number, controlUrl: string): Promise<Place>;
}
