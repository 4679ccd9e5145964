import { z } from "zod";

const MAX_CHARS = 1024;
const MAX_STARS = 9;

/** A pattern for paths without their query, in which `*` stands for any run of characters. */
export const pathPattern = z
  .string()
  .max(MAX_CHARS)
  .refine(
    (text) => /^[/*][^?#]*$/.test(text) && text.split("*").length <= MAX_STARS + 1,
    `a path pattern that starts with / or *, with at most ${MAX_STARS} "*" and no query, such as /videos/*`,
  );
