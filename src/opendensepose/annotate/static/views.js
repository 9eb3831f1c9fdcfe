// Pictures of the body surface on canvases: the six views of a part, and the turntable.

import { context, make } from './dom.js';
import { disc } from './screen.js';

/**
 * @typedef {import('./api.js').Spot} Spot
 * @typedef {{spot: Spot, kind: 'active' | 'placed' | 'try'}} Mark
 */

/** One picture out of a strip of pictures, with marks; can be zoomed. */
export class Pane {
  /**
   * @param {HTMLElement} place
   * @param {number} width of one picture in the strip
   * @param {number} height
   * @param {string} label
   */
  constructor(place, width, height, label) {
    this.width = width;
    this.height = height;
    this.canvas = make('canvas', { tabindex: -1, 'aria-label': label });
    this.caption = make('figcaption', {}, label);
    this.box = make('figure', { class: 'pane' }, this.canvas, this.caption);
    place.append(this.box);
    this.draw = context(this.canvas);
    /** @type {HTMLImageElement | null} */
    this.strip = null;
    this.frame = 0;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {[number, number] | null} */
    this.cross = null; // the pointer that keys move
    this.zoom = 1;
    this.corner = [0, 0]; // of the picture, at the canvas' upper left, when zoomed
    new ResizeObserver(() => this.paint()).observe(this.canvas);
    this.canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** Picture pixels per CSS pixel. */
  get step() {
    return Math.max(this.width / this.canvas.clientWidth, this.height / this.canvas.clientHeight) / this.zoom;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const [x, y] = this.at(event);
    this.zoom = Math.min(Math.max(this.zoom * Math.exp(-event.deltaY * 0.002), 1), 6);
    this.corner = [x - event.offsetX * this.step, y - event.offsetY * this.step];
    this.paint();
  }

  reset() {
    this.zoom = 1;
  }

  /** Of the picture, at the left edge of the canvas; the whole picture is shown in the middle. */
  get left() {
    return this.zoom > 1 ? this.corner[0] : (this.width - this.canvas.clientWidth * this.step) / 2;
  }

  get top() {
    return this.zoom > 1 ? this.corner[1] : (this.height - this.canvas.clientHeight * this.step) / 2;
  }

  /**
   * Where an event lies, in pixels of the picture.
   * @param {MouseEvent} event
   * @returns {[number, number]}
   */
  at(event) {
    return [this.left + event.offsetX * this.step, this.top + event.offsetY * this.step];
  }

  paint() {
    const { canvas, draw } = this;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    if (!w || !h) return;
    if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
    if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
    draw.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw.fillStyle = '#f7f6f3';
    draw.fillRect(0, 0, w, h);
    draw.imageSmoothingQuality = 'high';
    if (this.strip?.complete) {
      draw.drawImage(this.strip, this.frame * this.width, 0, this.width, this.height, -this.left / this.step,
        -this.top / this.step, this.width / this.step, this.height / this.step);
    }
    for (const mark of this.marks) this.paintMark(mark);
    if (this.cross) this.paintCross(this.cross);
  }

  /** @param {Mark} mark */
  paintMark({ spot: [x, y, seen], kind }) {
    const { draw } = this;
    if (!seen && kind === 'placed') return;
    const [sx, sy] = [(x - this.left) / this.step, (y - this.top) / this.step];
    draw.save();
    draw.beginPath();
    draw.arc(sx, sy, kind === 'placed' ? 3 : 7, 0, 7);
    draw.globalAlpha = seen ? 1 : 0.35; // behind what this view shows
    draw.lineWidth = 4;
    draw.strokeStyle = 'rgba(20,20,25,.75)';
    if (kind !== 'placed') draw.stroke();
    draw.lineWidth = 2;
    draw.strokeStyle = kind === 'try' ? '#fff' : '#ffd23e';
    if (!seen) draw.setLineDash([3, 3]);
    if (kind === 'placed') {
      draw.fillStyle = '#2f7d5b';
      draw.fill();
    } else draw.stroke();
    if (kind !== 'placed' && seen) {
      disc(draw, [sx, sy], 1.6, '#d7263d');
    }
    draw.restore();
  }

  /** @param {[number, number]} at */
  paintCross([x, y]) {
    const { draw } = this;
    const [sx, sy] = [(x - this.left) / this.step, (y - this.top) / this.step];
    draw.strokeStyle = '#d7263d';
    draw.lineWidth = 1.2;
    draw.beginPath();
    draw.moveTo(sx - 12, sy);
    draw.lineTo(sx + 12, sy);
    draw.moveTo(sx, sy - 12);
    draw.lineTo(sx, sy + 12);
    draw.stroke();
  }
}

/** @type {Map<number, Promise<HTMLImageElement>>} */
const strips = new Map();

/**
 * The strip of pictures of a part; 0: the turntable.
 * @param {number} part
 * @returns {Promise<HTMLImageElement>}
 */
export function strip(part) {
  let found = strips.get(part);
  if (!found) {
    found = new Promise((done, failed) => {
      const image = new Image();
      image.onload = () => done(image);
      image.onerror = () => failed(new Error(`no picture of part ${part}`));
      image.src = `/api/views/${part}`;
    });
    strips.set(part, found);
  }
  return found;
}
