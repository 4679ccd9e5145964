import type { z } from "zod";

/** Gives a schema a name ("Site"), by which the API's document refers to it wherever it is used. Each name once. */
export function namedSchema<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  return schema.meta({ id });
}
