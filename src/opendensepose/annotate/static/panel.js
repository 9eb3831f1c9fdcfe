// What stands beside the photo: tools, the list of parts, the list of points, the reviewer's note.

import { byId, fill, make } from './dom.js';
import { colour } from './shapes.js';

/**
 * @typedef {import('./api.js').Part} Part
 * @typedef {import('./api.js').State} State
 * @typedef {import('./api.js').Point} Point
 * @typedef {'polygon' | 'brush' | 'erase' | 'edit' | 'move'} Tool
 */

/** Names, keys, titles. @type {[Tool, string, string][]} */
export const TOOLS = [['polygon', 'P', 'Polygon'], ['brush', 'B', 'Brush'], ['erase', 'X', 'Eraser'],
  ['edit', 'V', 'Edit vertices'], ['move', 'H', 'Move photo']];

/**
 * @param {Tool} chosen
 * @param {(tool: Tool) => void} choose
 */
export function toolButtons(chosen, choose) {
  return TOOLS.map(([name, key, title]) => make('button',
    { class: chosen === name ? 'on' : '', title: `${title} (${key})`, 'aria-pressed': chosen === name,
      onclick: () => choose(name) }, title.split(' ')[0], make('kbd', {}, key)));
}

/** Why the work came back, if it did. @param {State} state */
export function showNote(state) {
  fill(byId('note'), state.returned && make('div', { class: 'note' }, make('b', {}, 'Sent back: '),
    state.note || 'please check again'));
}

/**
 * A part with its key, colour and marks.
 * @param {Part} part
 * @param {string} key
 * @param {boolean} on whether it is the chosen one
 * @param {boolean} drawn
 * @param {string | undefined} status
 * @param {() => void} choose
 */
export function partItem(part, key, on, drawn, status, choose) {
  const swatch = make('i', { class: 'swatch' });
  swatch.style.background = colour(part, 1);
  return make('li', { class: on ? 'on' : '' },
    make('button', { class: 'part', onclick: choose }, make('kbd', {}, key), swatch,
      make('span', { class: 'name' }, part.name),
      drawn && make('span', { class: 'state done', title: 'drawn' }, '✓'),
      status === 'hidden' && !drawn && make('span', { class: 'state', title: 'not visible' }, 'hidden'),
      status === 'unsure' && make('span', { class: 'state', title: 'unsure' }, '?')));
}

/**
 * A point as a coloured chip that says whether it is placed.
 * @param {Point} point
 * @param {Part} part
 * @param {number} place in the list
 * @param {boolean} on whether it is the active one
 * @param {'done' | 'out' | ''} kind
 * @param {() => void} go
 */
export function pointItem(point, part, place, on, kind, go) {
  const said = { done: ': placed', out: ': left out', '': '' }[kind];
  const button = make('button', { class: `chip ${kind} ${on ? 'on' : ''}`, title: part.name + said,
    'aria-label': `point ${place + 1}, ${part.name}`, onclick: go });
  button.style.borderColor = colour(part, 1);
  return make('li', {}, button);
}

/** A bar filled from the left. @param {number} share 0..1 */
export function meter(share) {
  const bar = make('i');
  bar.style.width = `${100 * share}%`;
  return make('div', { class: 'meter' }, bar);
}
