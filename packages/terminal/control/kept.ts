import type { z } from "zod";
import type { Settings } from "../store/settings.ts";

/** The last of a Router's messages of one kind, kept over restarts: what it said holds until it says something else. */
export class Kept<T> {
  readonly #settings: Settings;
  readonly #name: string;
  #value: T | undefined;

  /** @param name of the setting it is kept in; what is there and does not fit the schema counts as nothing */
  constructor(settings: Settings, name: string, schema: z.ZodType<T>) {
    this.#settings = settings;
    this.#name = name;
    this.#value = read(settings.get(name), schema);
  }

  /** Undefined before the Router has said anything. */
  get value(): T | undefined {
    return this.#value;
  }

  accept(value: T): void {
    this.#value = value;
    this.#settings.set(this.#name, JSON.stringify(value));
  }
}

function read<T>(json: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (json === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
