// Keys: what the pages with undo share, and the list of them in a window of its own.

import { make, typing } from './dom.js';

/** Which way the arrow keys point. @type {Record<string, [number, number]>} */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {[string, string][]} lines keys and what they do */
export function keyHelp(lines) {
  const open = document.querySelector('dialog.help');
  if (open) {
    open.remove();
    return;
  }
  const dialog = make('dialog', { class: 'help' }, make('h2', {}, 'Keys'),
    make('dl', {}, ...lines.flatMap(([keys, text]) => [make('dt', {}, make('kbd', {}, keys)), make('dd', {}, text)])),
    make('button', { class: 'main', onclick: () => dialog.remove() }, 'Close'));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Listen to keys. Nothing happens while somebody types into a field.
 * @param {(kind: 'undo' | 'redo') => void} back Ctrl+Z, Ctrl+Y
 * @param {() => void} finish Ctrl+Enter
 * @param {(key: string, shift: boolean) => boolean} press any other key without Ctrl or Alt; whether it meant something
 */
export function listen(back, finish, press) {
  window.addEventListener('keydown', (event) => {
    if (typing(event)) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (command && key === 'z') back(event.shiftKey ? 'redo' : 'undo');
    else if (command && key === 'y') back('redo');
    else if (command && key === 'Enter') finish();
    else if (command || event.altKey || !press(key, event.shiftKey)) return;
    event.preventDefault();
  });
}
