// The whole body on a turntable, turned to where the active point is seen.

import { Pane } from './views.js';

/**
 * @typedef {import('./api.js').Places} Places
 * @typedef {import('./views.js').Mark} Mark
 */

const STEP = 12; // screen pixels of a drag that turn it by one picture
const OFF_CENTRE = 2; // a point that is out of sight is turned in by that many pictures more than it takes

export class Turntable extends Pane {
  /**
   * @param {HTMLElement} place
   * @param {{width: number, height: number, frames: number}} size
   * @param {string} label
   */
  constructor(place, { width, height, frames }, label) {
    super(place, width, height, label);
    this.frames = frames;
    /** @type {Places[]} */
    this.placed = [];
    /** @type {Places | null} */
    this.now = null;
    /** @type {'active' | 'try'} */
    this.kind = 'active';
    let from = 0;
    this.canvas.addEventListener('pointerdown', (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      from = event.offsetX;
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (!event.buttons) return;
      const steps = Math.trunc((event.offsetX - from) / STEP);
      if (steps) this.rotate(-steps);
      from += steps * STEP;
    });
  }

  /**
   * Show points; turn if the active one is out of sight.
   * @param {Places[]} placed
   * @param {Places | null} now the active one
   * @param {'active' | 'try'} kind of its mark
   */
  show(placed, now, kind) {
    [this.placed, this.now, this.kind] = [placed, now, kind];
    const seen = now ? now.turntable.map((spot, k) => (spot[2] ? k : -1)).filter((k) => k >= 0) : [];
    if (seen.length && !seen.includes(this.frame)) {
      const away = (/** @type {number} */ k) =>
        Math.min(...[0, this.frames, -this.frames].map((n) => Math.abs(k + n - this.frame)));
      seen.sort((a, b) => away(a) - away(b));
      this.frame = seen[Math.min(OFF_CENTRE, seen.length - 1)];
    }
    this.rotate(0);
  }

  /** @param {number} steps pictures */
  rotate(steps) {
    this.frame = (this.frame + steps + this.frames * 10) % this.frames;
    const spot = (/** @type {Places} */ places) => places.turntable[this.frame];
    this.marks = this.placed.map((places) => /** @type {Mark} */ ({ spot: spot(places), kind: 'placed' }));
    if (this.now) this.marks.push({ spot: spot(this.now), kind: this.kind });
    this.paint();
  }
}
