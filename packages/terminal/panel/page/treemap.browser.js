// Squarified treemap (Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000): areas in proportion, sides as equal as they can be.

/** Splits the rectangle among `sizes` (all above 0, largest first); gives {x, y, width, height} in their order. */
export function treemap(sizes, room) {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const areaPerSize = (room.width * room.height) / total;
  const tiles = [];
  let free = { ...room };
  let start = 0;
  while (start < sizes.length) {
    const side = Math.min(free.width, free.height);
    const end = rowEnd(sizes, start, side, areaPerSize);
    free = placeRow(
      sizes.slice(start, end).map((size) => size * areaPerSize),
      free,
      tiles,
    );
    start = end;
  }
  return tiles;
}

/** A row takes further tiles for as long as its worst one gets no longer. */
function rowEnd(sizes, start, side, areaPerSize) {
  let area = sizes[start] * areaPerSize;
  const largest = area;
  let worst = worstRatio(area, largest, largest, side);
  let end = start + 1;
  while (end < sizes.length) {
    const next = sizes[end] * areaPerSize;
    const ratio = worstRatio(area + next, largest, next, side);
    if (ratio > worst) break;
    area += next;
    worst = ratio;
    end += 1;
  }
  return end;
}

function worstRatio(area, largest, smallest, side) {
  const square = side * side;
  return Math.max((square * largest) / (area * area), (area * area) / (square * smallest));
}

/** Lays a row along the shorter side, adds its tiles, and gives the room that is left. */
function placeRow(areas, { x, y, width, height }, tiles) {
  const area = areas.reduce((sum, one) => sum + one, 0);
  if (width >= height) {
    const depth = area / height;
    let top = y;
    for (const one of areas) {
      tiles.push({ x, y: top, width: depth, height: one / depth });
      top += one / depth;
    }
    return { x: x + depth, y, width: Math.max(0, width - depth), height };
  }
  const depth = area / width;
  let left = x;
  for (const one of areas) {
    tiles.push({ x: left, y, width: one / depth, height: depth });
    left += one / depth;
  }
  return { x, y: y + depth, width, height: Math.max(0, height - depth) };
}
