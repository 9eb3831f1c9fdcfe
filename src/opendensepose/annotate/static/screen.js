// Places of the photo on the screen: what the pointer is near, and marks.

/**
 * @typedef {import('./photo.js').PhotoView} PhotoView
 * @typedef {[number, number]} Place
 */

const NEAR = 9; // screen pixels within which a place is meant
const NEAR_EDGE = 5;

/**
 * The number of the place within reach of (x, y), or -1.
 * @param {PhotoView} view
 * @param {Place[]} places photo
 * @param {number} x screen
 * @param {number} y
 */
export function near(view, places, x, y) {
  return places.findIndex((place) => {
    const [sx, sy] = view.toScreen(...place);
    return Math.hypot(sx - x, sy - y) < NEAR;
  });
}

/**
 * Before which vertex of a closed line a place on an edge comes, or -1.
 * @param {PhotoView} view
 * @param {Place[]} places photo
 * @param {number} x screen
 * @param {number} y
 */
export function nearEdge(view, places, x, y) {
  for (let k = 0; k < places.length; k++) {
    const [ax, ay] = view.toScreen(...places[k]);
    const [bx, by] = view.toScreen(...places[(k + 1) % places.length]);
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length || 1);
    if (t > 0 && t < 1 && Math.hypot(ax + t * (bx - ax) - x, ay + t * (by - ay) - y) < NEAR_EDGE) return k + 1;
  }
  return -1;
}

/**
 * A dashed rectangle.
 * @param {PhotoView} view
 * @param {CanvasRenderingContext2D} draw
 * @param {[number, number, number, number]} box x0, y0, x1, y1, photo
 */
export function frame(view, draw, [x0, y0, x1, y1]) {
  const [left, top] = view.toScreen(x0, y0);
  draw.setLineDash([6, 5]);
  draw.strokeStyle = 'rgba(255,255,255,.75)';
  draw.lineWidth = 1.2;
  draw.strokeRect(left, top, (x1 - x0) * view.scale, (y1 - y0) * view.scale);
  draw.setLineDash([]);
}

/**
 * A filled circle.
 * @param {CanvasRenderingContext2D} draw
 * @param {Place} at screen
 * @param {number} radius
 * @param {string} ink
 */
export function disc(draw, [x, y], radius, ink) {
  draw.beginPath();
  draw.arc(x, y, radius, 0, 7);
  draw.fillStyle = ink;
  draw.fill();
}

/**
 * The vertices of a line, the first one larger.
 * @param {PhotoView} view
 * @param {CanvasRenderingContext2D} draw
 * @param {Place[]} places photo
 */
export function dots(view, draw, places) {
  draw.strokeStyle = '#1b1c1f';
  draw.lineWidth = 1.2;
  places.forEach((place, k) => {
    disc(draw, view.toScreen(...place), k ? 3.5 : 5, '#fff');
    draw.stroke();
  });
}

/**
 * How much a brush covers.
 * @param {CanvasRenderingContext2D} draw
 * @param {Place} at screen
 * @param {number} radius
 */
export function ring(draw, [x, y], radius) {
  draw.strokeStyle = '#fff';
  draw.lineWidth = 1.5;
  draw.beginPath();
  draw.arc(x, y, Math.max(2, radius), 0, 7);
  draw.stroke();
}

/**
 * The mark of the point that is asked for.
 * @param {CanvasRenderingContext2D} draw
 * @param {Place} at screen
 */
export function target(draw, [x, y]) {
  for (const [ink, line] of /** @type {[string, number][]} */ ([['rgba(15,15,20,.85)', 5], ['#ffd23e', 2.2]])) {
    draw.strokeStyle = ink;
    draw.lineWidth = line;
    draw.beginPath();
    draw.arc(x, y, 9, 0, 7);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      draw.moveTo(x + dx * 9, y + dy * 9);
      draw.lineTo(x + dx * 18, y + dy * 18);
    }
    draw.stroke();
  }
  disc(draw, [x, y], 1.8, '#d7263d');
}
