// The drawing of stage 1: shapes in order, undo and redo as the server counts them, painting and hit tests.

/**
 * @typedef {import('./api.js').Shape} Shape
 * @typedef {import('./api.js').Part} Part
 * @typedef {import('./photo.js').PhotoView} PhotoView
 */

/**
 * What is drawn, kept as the server keeps it: undo and redo are counted there, the result is fetched from there.
 */
export class Drawing {
  /** @param {Shape[]} shapes */
  constructor(shapes) {
    this.shapes = shapes;
    /** @type {Map<string, HTMLCanvasElement>} */
    this.masks = new Map();
  }

  /** @param {string} key */
  find(key) {
    return this.shapes.find((shape) => shape.key === key);
  }

  /** @param {string} key */
  remove(key) {
    this.shapes = this.shapes.filter((shape) => shape.key !== key);
  }

  /** Which parts some shape draws. */
  parts() {
    return new Set(this.shapes.map((shape) => shape.part));
  }

  /**
   * Paint all regions, later shapes over earlier ones.
   * @param {PhotoView} view
   * @param {CanvasRenderingContext2D} draw
   * @param {Part[]} parts
   * @param {number} alpha
   * @param {HTMLCanvasElement} scratch
   */
  paint(view, draw, parts, alpha, scratch) {
    scratch.width = view.canvas.width;
    scratch.height = view.canvas.height;
    const layer = /** @type {CanvasRenderingContext2D} */ (scratch.getContext('2d'));
    const ratio = window.devicePixelRatio || 1;
    layer.setTransform(ratio, 0, 0, ratio, 0, 0);
    layer.lineJoin = layer.lineCap = 'round';
    for (const shape of this.shapes) {
      layer.globalCompositeOperation = shape.part ? 'source-over' : 'destination-out';
      layer.fillStyle = layer.strokeStyle = shape.part ? colour(parts[shape.part - 1], 1) : '#000';
      if (shape.tool === 'mask') this.paintMask(view, layer, shape, parts);
      else if (shape.tool === 'polygon') layer.fill(path(view, shape.points, true), 'evenodd');
      else brush(view, layer, shape.points, shape.width);
    }
    draw.save();
    draw.globalAlpha = alpha;
    draw.setTransform(1, 0, 0, 1, 0, 0);
    draw.drawImage(scratch, 0, 0);
    draw.restore();
  }

  /**
   * @param {PhotoView} view
   * @param {CanvasRenderingContext2D} layer
   * @param {Shape} shape
   * @param {Part[]} parts
   */
  paintMask(view, layer, shape, parts) {
    let picture = this.masks.get(shape.key);
    if (!picture && shape.rle) {
      picture = maskPicture(shape.rle, parts[shape.part - 1].colour);
      this.masks.set(shape.key, picture);
    }
    if (!picture) return;
    const [x0, y0, x1, y1] = view.work.box;
    const [sx, sy] = view.toScreen(x0, y0);
    layer.imageSmoothingEnabled = false;
    layer.drawImage(picture, sx, sy, (x1 - x0) * view.scale, (y1 - y0) * view.scale);
  }

  /**
   * The topmost polygon that holds a place.
   * @param {number} x photo
   * @param {number} y
   */
  at(x, y) {
    return [...this.shapes].reverse().find((shape) => shape.tool === 'polygon' && shape.part
      && inside(shape.points, x, y));
  }
}

/**
 * @param {Part} part
 * @param {number} alpha
 */
export function colour(part, alpha) {
  return `rgba(${part.colour.join(',')},${alpha})`;
}

/**
 * @param {PhotoView} view
 * @param {[number, number][]} points photo
 * @param {boolean} closed
 */
export function path(view, points, closed) {
  const line = new Path2D();
  points.forEach(([x, y], k) => {
    const [sx, sy] = view.toScreen(x, y);
    if (k) line.lineTo(sx, sy);
    else line.moveTo(sx, sy);
  });
  if (closed) line.closePath();
  return line;
}

/**
 * A stroke of the brush.
 * @param {PhotoView} view
 * @param {CanvasRenderingContext2D} draw
 * @param {[number, number][]} points photo
 * @param {number} width photo
 */
export function brush(view, draw, points, width) {
  draw.lineWidth = width * view.scale;
  draw.stroke(path(view, points.length > 1 ? points : [points[0], points[0]], false));
}

/**
 * Even-odd rule.
 * @param {[number, number][]} polygon
 * @param {number} x
 * @param {number} y
 */
export function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if ((yi > y) !== (yj > y) && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

/**
 * Leave out places that lie within `gap` of the line through their neighbours (Douglas and Peucker).
 * @param {[number, number][]} points
 * @param {number} gap
 * @returns {[number, number][]}
 */
export function simplify(points, gap) {
  if (points.length < 3) return points;
  const [ax, ay] = points[0];
  const [bx, by] = points[points.length - 1];
  const length = Math.hypot(bx - ax, by - ay);
  let far = 0;
  let where = 0;
  for (let k = 1; k < points.length - 1; k++) {
    const [x, y] = points[k];
    const off = length > 1e-9 ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length
      : Math.hypot(x - ax, y - ay);
    if (off > far) [far, where] = [off, k];
  }
  if (far <= gap) return [points[0], points[points.length - 1]];
  return [...simplify(points.slice(0, where + 1), gap).slice(0, -1), ...simplify(points.slice(where), gap)];
}

/**
 * A COCO RLE (column-major runs, packed as in the COCO API) as a picture of one colour.
 * @param {{size: [number, number], counts: string | number[]}} rle
 * @param {[number, number, number]} rgb
 */
export function maskPicture(rle, rgb) {
  const [height, width] = rle.size;
  const runs = typeof rle.counts === 'string' ? unpack(rle.counts) : rle.counts;
  const picture = document.createElement('canvas');
  picture.width = width;
  picture.height = height;
  const draw = /** @type {CanvasRenderingContext2D} */ (picture.getContext('2d'));
  const data = draw.createImageData(width, height);
  let at = 0;
  runs.forEach((run, k) => {
    for (let n = at; k % 2 && n < at + run && n < width * height; n++) {
      const pixel = ((n % height) * width + Math.floor(n / height)) * 4;
      data.data.set([...rgb, 255], pixel);
    }
    at += run;
  });
  draw.putImageData(data, 0, 0);
  return picture;
}

/**
 * @param {string} text
 * @returns {number[]}
 */
export function unpack(text) {
  /** @type {number[]} */
  const runs = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let place = 0;
    let code = 0x20;
    while (code & 0x20 && at < text.length) {
      code = text.charCodeAt(at++) - 48;
      value += (code & 0x1f) * 2 ** (5 * place++);
    }
    if (code & 0x10) value -= 2 ** (5 * place);
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}
