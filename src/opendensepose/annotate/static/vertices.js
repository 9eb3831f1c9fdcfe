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
    /** @type {{key: string, vertex: number} | null} */
    this.held = null; // the vertex being dragged; still held when its outline is no longer the chosen one
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
    let vertex = shape ? near(this.view, shape.points, x, y) : -1;
    if (shape && vertex < 0) {
      vertex = nearEdge(this.view, shape.points, x, y);
      if (vertex >= 0) shape.points.splice(vertex, 0, at);
    }
    if (shape && vertex >= 0) {
      this.held = { key: shape.key, vertex };
      return undefined;
    }
    const other = this.drawing.at(...at);
    this.chosen = other?.key || '';
    return other;
  }

  /** Move the vertex that is held. @param {[number, number]} at photo */
  drag(at) {
    const shape = this.held && this.drawing.find(this.held.key);
    if (this.held && shape) shape.points[this.held.vertex] = at;
  }

  /** Let go; the shape that has changed. */
  release() {
    const shape = this.held && this.drawing.find(this.held.key);
    this.held = null;
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
