// What the keys of both stages do, in words: the line at the foot of the page, and the whole list.

import { byId, fill, make } from './dom.js';

/** @type {Record<'parts' | 'points', [string, string][]>} */
const FOOT = {
  parts: [['wheel', 'zoom'], ['space', '+ drag move'], ['Enter', 'close'], ['F', 'fit'], ['O', 'opacity']],
  points: [['click', 'place'], ['drag', 'correct'], ['space', 'next point'], ['C', 'cannot tell'], ['wheel', 'zoom']],
};

/** @type {Record<'parts' | 'points', [string, string][]>} */
export const KEYS = {
  parts: [
    ['1 … 0, Q W E R', 'choose a part'], ['[ ]', 'part before, next part'],
    ['P B X V H', 'polygon, brush, eraser, edit vertices, move photo'],
    ['click … Enter', 'vertices of a polygon; Enter, double click or the first vertex closes it'],
    ['drag', 'polygon: draw the outline in one go'], ['arrows, C', 'move the pointer and click, by keys'],
    ['Backspace', 'take the last vertex back; edit: remove the shape'], ['Esc', 'drop what is being drawn'],
    [', .', 'brush size'], ['Ctrl+Z, Ctrl+Y', 'undo, redo'], ['N', 'part not visible'],
    ['U', 'unsure about the part'], ['A', 'let the model propose outlines'], ['+ − F, wheel', 'zoom in, out, fit'],
    ['space + drag', 'move the photo'], ['O', 'opacity of the regions'], ['Ctrl+Enter', 'go on to the points'],
  ],
  points: [
    ['click in a view', 'place the point'], ['drag in a view', 'see where it would be, and correct it'],
    ['1 … 6', 'choose a view, then'], ['arrows, Enter', 'move the cross (shift: faster) and place the point'],
    ['space, Tab', 'next point to place; shift: the one before'], ['J K', 'next point, point before'],
    ['C', 'cannot tell: leave the point out'], ['Ctrl+Z, Ctrl+Y', 'undo, redo'],
    ['wheel', 'zoom the photo or a view'], ['F G', 'whole person; the points of this part'],
    ['+ −', 'zoom the photo'], ['[ ]', 'turn the body'], ['O', 'opacity of the regions'], ['Ctrl+Enter', 'hand in'],
  ],
};

/**
 * The foot of a page: whether all is saved, and the most important keys.
 * @param {'parts' | 'points'} stage
 * @param {number} waiting actions that the server does not have yet
 * @param {boolean} trouble it does not answer
 */
export function showFoot(stage, waiting, trouble) {
  const text = trouble ? 'Not saved yet: no answer from the server, trying again' : waiting ? 'saving …' : 'saved';
  fill(byId('keys'), make('span', { class: `saved ${trouble ? 'bad' : ''}`, id: 'saved' }, text),
    ...hints([...FOOT[stage], ['?', 'all keys']]));
}

/** Keys and what they do, for the foot of a page. @param {[string, string][]} keys */
export function hints(keys) {
  return keys.map(([key, what]) => make('span', {}, make('kbd', {}, key), ` ${what}`));
}
