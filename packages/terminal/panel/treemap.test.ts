import { expect, test } from "bun:test";
import fc from "fast-check";

interface Tile {
  x: number;
  y: number;
  width: number;
  height: number;
}

// The page's files are imported as text elsewhere, and typed so; this one is run.
const path = "./page/treemap.browser.js";
const { treemap }: { treemap: (sizes: number[], room: Tile) => Tile[] } = await import(path);

const ROOM = { x: 0, y: 0, width: 640, height: 320 };

test("treemap() gives each size its share of the area, within the room, without overlap", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(sizes, (unsorted) => {
      const sorted = unsorted.sort((a, b) => b - a);
      const total = sorted.reduce((sum, size) => sum + size, 0);
      const tiles = treemap(sorted, ROOM);
      expect(tiles).toHaveLength(sorted.length);
      for (const [i, tile] of tiles.entries()) {
        const area = (ROOM.width * ROOM.height * (sorted[i] ?? 0)) / total;
        expect(tile.width * tile.height).toBeCloseTo(area, 3);
        expect(tile.x).toBeGreaterThanOrEqual(-1e-6);
        expect(tile.y).toBeGreaterThanOrEqual(-1e-6);
        expect(tile.x + tile.width).toBeLessThanOrEqual(ROOM.width + 1e-6);
        expect(tile.y + tile.height).toBeLessThanOrEqual(ROOM.height + 1e-6);
        for (const other of tiles.slice(i + 1)) expect(overlap(tile, other)).toBeLessThan(1e-6);
      }
    }),
    { numRuns: 60 },
  );
});

test("treemap() keeps tiles of equal size close to squares", () => {
  for (const { width, height } of treemap(Array(50).fill(1), ROOM)) {
    expect(Math.max(width / height, height / width)).toBeLessThan(2);
  }
});

function overlap(a: Tile, b: Tile): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? Math.min(width, height) : 0;
}
