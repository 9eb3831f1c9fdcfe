// The photo of a person on a canvas: tiles of the right size, zoom and pan, and what is drawn over it.

import { context, make } from './dom.js';

/** @typedef {import('./api.js').Work} Work */

const KEPT = 400; // tiles

export class PhotoView {
  /**
   * @param {HTMLElement} place
   * @param {Work} work
   * @param {(view: PhotoView, draw: CanvasRenderingContext2D) => void} overlay
   */
  constructor(place, work, overlay) {
    this.work = work;
    this.overlay = overlay;
    this.canvas = make('canvas', { class: 'photo', tabindex: 0, 'aria-label': 'photo' });
    place.append(this.canvas);
    this.draw = context(this.canvas);
    /** @type {Map<string, HTMLImageElement>} */
    this.tiles = new Map();
    this.scale = 1; // screen pixels per pixel of the photo
    this.left = 0; // of the photo, at the left edge of the canvas
    this.top = 0;
    this.fitted = true;
    this.asked = false;
    this.base = `/api/assignments/${work.id}/tiles`;
    new ResizeObserver(() => this.resize()).observe(place);
    this.canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    this.resize();
  }

  resize() {
    const place = this.canvas.parentElement;
    if (!place) return;
    const ratio = window.devicePixelRatio || 1;
    this.width = place.clientWidth;
    this.height = place.clientHeight;
    this.canvas.width = Math.max(1, Math.round(this.width * ratio));
    this.canvas.height = Math.max(1, Math.round(this.height * ratio));
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    if (this.fitted) this.fit();
    else this.redraw();
  }

  /** Show the whole crop. */
  fit() {
    const { crop } = this.work;
    this.scale = Math.min((this.width ?? 1) / crop.width, (this.height ?? 1) / crop.height);
    this.left = crop.x + crop.width / 2 - (this.width ?? 1) / 2 / this.scale;
    this.top = crop.y + crop.height / 2 - (this.height ?? 1) / 2 / this.scale;
    this.fitted = true;
    this.redraw();
  }

  /**
   * @param {number} factor
   * @param {number} [x] screen pixels: what stays in place
   * @param {number} [y]
   */
  zoom(factor, x = (this.width ?? 0) / 2, y = (this.height ?? 0) / 2) {
    const at = this.toPhoto(x, y);
    const fit = Math.min((this.width ?? 1) / this.work.crop.width, (this.height ?? 1) / this.work.crop.height);
    this.scale = Math.min(Math.max(this.scale * factor, fit * 0.8), Math.max(24, fit * 4));
    this.left = at[0] - x / this.scale;
    this.top = at[1] - y / this.scale;
    this.fitted = false;
    this.redraw();
  }

  /**
   * @param {number} dx screen pixels
   * @param {number} dy
   */
  pan(dx, dy) {
    this.left -= dx / this.scale;
    this.top -= dy / this.scale;
    this.fitted = false;
    this.redraw();
  }

  /**
   * Move so that a place of the photo is well inside the canvas, not more than needed.
   * @param {number} x
   * @param {number} y
   */
  reveal(x, y) {
    const [sx, sy] = this.toScreen(x, y);
    const [w, h] = [this.width ?? 1, this.height ?? 1];
    const dx = sx < w * 0.1 || sx > w * 0.9 ? w / 2 - sx : 0;
    const dy = sy < h * 0.1 || sy > h * 0.9 ? h / 2 - sy : 0;
    if (dx || dy) this.pan(dx, dy);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    if (event.shiftKey) this.pan(-event.deltaY, -event.deltaX);
    else this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
  }

  /**
   * @param {number} x screen
   * @param {number} y
   * @returns {[number, number]} pixels of the photo
   */
  toPhoto(x, y) {
    return [this.left + x / this.scale, this.top + y / this.scale];
  }

  /**
   * @param {number} x photo
   * @param {number} y
   * @returns {[number, number]} screen
   */
  toScreen(x, y) {
    return [(x - this.left) * this.scale, (y - this.top) * this.scale];
  }

  /** Draw again before the next picture of the screen; many calls draw once. */
  redraw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  paint() {
    const { draw } = this;
    const ratio = window.devicePixelRatio || 1;
    draw.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw.fillStyle = '#2b2d31';
    draw.fillRect(0, 0, this.width ?? 0, this.height ?? 0);
    draw.imageSmoothingEnabled = this.scale < 6;
    const wanted = Math.floor(Math.log2(1 / (this.scale * ratio)) + 0.01);
    const best = Math.min(Math.max(wanted, 0), this.work.levels - 1);
    for (let level = this.work.levels - 1; level >= best; level--) this.paintLevel(level, level === best);
    this.overlay(this, draw);
  }

  /**
   * @param {number} level
   * @param {boolean} load whether to ask for tiles that are not there
   */
  paintLevel(level, load) {
    const { crop, tile } = this.work;
    const step = tile * 2 ** level; // pixels of the photo
    const columns = Math.ceil(Math.ceil(crop.width / 2 ** level) / tile);
    const rows = Math.ceil(Math.ceil(crop.height / 2 ** level) / tile);
    const [x0, y0] = this.toPhoto(0, 0);
    const [x1, y1] = this.toPhoto(this.width ?? 0, this.height ?? 0);
    const first = [Math.max(0, Math.floor((x0 - crop.x) / step)), Math.max(0, Math.floor((y0 - crop.y) / step))];
    const last = [Math.min(columns - 1, Math.floor((x1 - crop.x) / step)),
      Math.min(rows - 1, Math.floor((y1 - crop.y) / step))];
    for (let row = first[1]; row <= last[1]; row++) {
      for (let column = first[0]; column <= last[0]; column++) {
        const image = this.tile(level, column, row, load || level === this.work.levels - 1);
        if (!image?.complete || !image.naturalWidth) continue;
        const [x, y] = this.toScreen(crop.x + column * step, crop.y + row * step);
        // the last column and row of a level may stand for a fraction of its pixel more than the crop has
        const size = this.scale * 2 ** level;
        this.draw.drawImage(image, x, y, image.naturalWidth * size, image.naturalHeight * size);
      }
    }
  }

  /**
   * @param {number} level
   * @param {number} column
   * @param {number} row
   * @param {boolean} load
   */
  tile(level, column, row, load) {
    const name = `${level}/${column}/${row}`;
    let image = this.tiles.get(name);
    if (!image && load) {
      image = new Image();
      image.onload = () => this.redraw();
      image.src = `${this.base}/${name}`;
      this.tiles.set(name, image);
      if (this.tiles.size > KEPT) this.tiles.delete(/** @type {string} */ (this.tiles.keys().next().value));
    }
    return image;
  }
}
