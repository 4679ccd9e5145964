/** What the store was good for: as in Cache-Status, with `refused` for answers that rules or errors made here. */
export const OUTCOMES = ["hit", "stale", "revalidated", "miss", "pass", "refused"] as const;

/**
 * What is noted about a request while it is answered: access logs, live logs, figures and `X-Neson-Trace` are made of it. Every state of the
 * edge adds what it knows; whoever observes requests reads it once the transfer is over.
 */
export class Trace {
  /** See `OUTCOMES`. */
  outcome: (typeof OUTCOMES)[number] = "refused";
  /** The Terminal that the client was sent to. */
  terminalId: string | undefined;
  /** Where the client was taken to be: what steering, rules and logs go by. */
  clientAddress: string | undefined;
  /** From sending the origin's request to its header section, milliseconds. */
  originMs: number | undefined;
  /** The origin's status. */
  originStatus: number | undefined;
  #steps: string[] | undefined;

  /** Notes one decision and its reason in a few words; constant text where requests are many. */
  step(text: string): void {
    if (this.#steps === undefined) this.#steps = [text];
    else this.#steps.push(text);
  }

  /** Notes what the origin answered with, and how long it took. */
  origin(response: { status: number; requestTimeMs: number; responseTimeMs: number }): void {
    this.originStatus = response.status;
    this.originMs = response.responseTimeMs - response.requestTimeMs;
  }

  /** The decisions in their order. */
  get steps(): readonly string[] {
    return this.#steps ?? [];
  }
}
