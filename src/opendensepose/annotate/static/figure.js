// The small body that shows which part is meant, and which side is the person's left.

import { make } from './dom.js';

/**
 * Put the body into an element. Parts can be chosen by a click.
 * @param {HTMLElement} place
 * @param {import('./api.js').Part[]} parts
 * @param {(part: number) => void} choose
 * @returns {Promise<(part: number, drawn: Set<number>) => void>} call it to show the chosen and the drawn parts
 */
export async function figure(place, parts, choose) {
  const text = await (await fetch('/static/body.svg')).text();
  const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  svg.setAttribute('class', 'figure');
  place.append(document.importNode(svg, true), make('p', { class: 'hint' }, 'L and R are the person’s own sides'));
  const paths = [...place.querySelectorAll('path')];
  for (const path of paths) {
    path.addEventListener('click', () => choose(Number(path.dataset.part)));
  }
  return (part, drawn) => {
    for (const path of paths) {
      const number = Number(path.dataset.part);
      const rgb = parts[number - 1].colour.join(',');
      path.style.fill = number === part || drawn.has(number) ? `rgb(${rgb})` : '#e4e2dc';
      path.style.opacity = number === part || !part ? '1' : '0.55';
      path.classList.toggle('chosen', number === part);
    }
  };
}
