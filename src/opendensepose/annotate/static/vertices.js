// Editing of outlines: which one is chosen, and the vertex that is held.

import { near, nearEdge } from './screen.js';

/**
 * @typedef {import('./shapes.js').Drawing} Drawing
 * @typedef {import('./photo.js').PhotoView} PhotoView
 */

export class Vertices {
  /**
   * @param {PhotoView} view
   * @param {Drawing} drawing
   */
  constructor(view, drawing) {
    this.view = view;
    this.drawing = drawing;
    this.chosen = ''; // the shape whose vertices show
    this.held = -1; // its vertex being dragged
  }

  shape() {
    return this.drawing.find(this.chosen);
  }

  /**
   * Take hold of a vertex, of a new one on an edge, or of another shape, which is returned.
   * @param {number} x screen
   * @param {number} y
   */
  grab(x, y) {
    const shape = this.shape();
    const at = this.view.toPhoto(x, y);
    if (shape) {
      this.held = near(this.view, shape.points, x, y);
      if (this.held < 0) {
        this.held = nearEdge(this.view, shape.points, x, y);
        if (this.held >= 0) shape.points.splice(this.held, 0, at);
      }
      if (this.held >= 0) return undefined;
    }
    const other = this.drawing.at(...at);
    this.chosen = other?.key || '';
    return other;
  }

  /** Move the vertex that is held. @param {[number, number]} at photo */
  drag(at) {
    const shape = this.shape();
    if (shape) shape.points[this.held] = at;
  }

  /** Let go; the shape that has changed. */
  release() {
    this.held = -1;
    const shape = this.shape();
    if (shape) shape.points = shape.points.map(rounded);
    return shape;
  }
}

/**
 * A place as it is stored: hundredths of a pixel.
 * @param {[number, number]} place
 * @returns {[number, number]}
 */
export function rounded([x, y]) {
  return [Math.round(x * 100) / 100, Math.round(y * 100) / 100];
}
