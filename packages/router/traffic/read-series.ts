import type { Db } from "../db/database.ts";
import { type Figure, readFigures, type Step } from "./figure-tables.ts";
import type { Dimension } from "./tally.ts";

/** Figures of one answer, some 2 MB of JSON. */
const MAX_FIGURES = 20_000;

/** Which figures are wanted; Unix seconds, the end excluded. */
export interface SeriesQuery {
  site: string;
  step: Step;
  dimension: Dimension;
  from: number;
  to: number;
}

/** Reads figures for people. */
export interface FigureReader {
  /** Oldest first; undefined when there are more than 20,000. */
  read(query: SeriesQuery): Promise<Figure[] | undefined>;
}

/** Reads figures out of that database. */
export function figureReader(db: Db): FigureReader {
  return {
    read: async (query) => {
      const figures = await readFigures(db, { ...query, limit: MAX_FIGURES + 1 });
      return figures.length > MAX_FIGURES ? undefined : figures;
    },
  };
}
