import { createInterface, type Interface } from "node:readline/promises";
import { describeError, NesonError } from "@neson/kit/error";

const MAX_TRIES = 10;

/** Where questions are asked: standard input and output outside of tests. */
export interface Desk {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/** One question; an empty answer takes the proposal. */
export interface Question {
  text: string;
  proposal: string;
  /** Gives the answer as it is to be kept. Throws what is wrong with it, after which the question is asked again. */
  check: (answer: string) => string;
}

/** A conversation with the person at a desk. */
export class Interview implements Disposable {
  readonly #prompt: Interface;
  readonly #output: NodeJS.WritableStream;
  /** Kept from the start on: what is pasted before a question is asked is its answer too. */
  readonly #lines: AsyncIterator<string, undefined>;
  #isClosed = false;

  constructor({ input, output }: Desk) {
    this.#output = output;
    this.#prompt = createInterface({ input, output });
    this.#prompt.once("close", () => {
      this.#isClosed = true;
    });
    this.#lines = this.#prompt[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
  }

  /** @throws NesonError `not-answered` (operator) when the input ends, or stays wrong */
  async ask({ text, proposal, check }: Question): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const answer = await this.#next(`${text} [${proposal}] `);
      if (answer === undefined) throw unanswered(text, "the end of the input");
      try {
        return check(answer === "" ? proposal : answer);
      } catch (error) {
        this.#output.write(`  ${describeError(error)}\n`);
      }
    }
    throw unanswered(text, `${MAX_TRIES} answers that are not allowed`);
  }

  /** Whether the person agrees: anything but y or yes is a no. */
  async agrees(question: string): Promise<boolean> {
    return /^y(es)?$/i.test((await this.#next(`${question} [y/N] `)) ?? "");
  }

  [Symbol.dispose](): void {
    this.#prompt.close();
  }

  async #next(text: string): Promise<string | undefined> {
    this.#prompt.setPrompt(text);
    // The input may have ended while lines of it are still waiting to be read.
    if (this.#isClosed) this.#output.write(text);
    else this.#prompt.prompt();
    const { value } = await this.#lines.next();
    return value?.trim();
  }
}

function unanswered(text: string, found: string): NesonError {
  const message = `"${text}" found ${found}, allowed: an answer; or give --router, --quota and --endpoint`;
  return new NesonError("not-answered", message, { fault: "operator" });
}
