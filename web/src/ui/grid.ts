// SPDX-License-Identifier: Apache-2.0

export interface Grid {
  columns: number;
  tileWidth: number;
  tileHeight: number;
}

/** The number of columns with which `count` tiles come out largest in the box. */
export function bestGrid(count: number, width: number, height: number, gap = 10): Grid {
  let best: Grid = { columns: 1, tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= Math.max(1, count); ++columns) {
    const rows = Math.ceil(Math.max(1, count) / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    // Tiles may be taller than 16:9 (up to 3:4 on a phone held upright), never flatter.
    const tileWidth = Math.max(0, Math.min(cellWidth, (cellHeight * 16) / 9));
    const tileHeight = Math.max(0, Math.min(cellHeight, tileWidth / (height > width ? 3 / 4 : 4 / 3)));
    if (tileWidth * tileHeight > best.tileWidth * best.tileHeight) best = { columns, tileWidth, tileHeight };
  }
  return best;
}
