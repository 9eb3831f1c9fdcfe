// The list of keys, in a window of its own.

import { make } from './dom.js';

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
