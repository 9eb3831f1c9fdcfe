// Dashboard: progress, time, and how well everybody annotates.

import { get, start } from './api.js';
import { byId, duration, fill, make } from './dom.js';

/**
 * @typedef {{count: number, mean: number | null, median: number | null}} Centimetres
 * @typedef {{name: string, done: number, points: number, left_out: number, seconds_parts: number | null,
 *   seconds_points: number | null, seconds_point: number | null, gold_people: number, error: Centimetres,
 *   error_parts: Record<string, Centimetres>, error_time: [number, number][], outside: number,
 *   overlap: number | null, agreement: Centimetres}} Annotator
 * @typedef {{part: number, error: Centimetres, overlap: number | null, agreement: Centimetres,
 *   agreement_overlap: number | null}} PartRow
 * @typedef {{progress: Record<string, number>, annotators: Annotator[], parts: PartRow[]}} Numbers
 */

const WORST = 12; // cm: what is drawn in full red
const INKS = ['#22618f', '#c2571a', '#2f7d5b', '#8a3f8f', '#a08a1c', '#b3372f', '#3f7f8f', '#555'];
const me = await start();
/** @type {Numbers} */
const numbers = await get('/api/dashboard');
const { progress } = numbers;
fill(byId('main'),
  make('section', { class: 'card' }, make('h1', {}, 'Progress'), bar(progress.done, progress.wanted),
    make('div', { class: 'figures' }, figure(`${progress.done} / ${progress.wanted}`, 'annotations handed in'),
      figure(progress.people, 'people'), figure(progress.waiting, 'to review'), figure(progress.accepted, 'accepted'),
      figure(progress.returned, 'sent back'), figure(progress.skipped, 'skipped'), figure(progress.gold, 'gold people'))),
  make('section', { class: 'card' }, make('h2', {}, 'Annotators'), annotators(numbers.annotators)),
  make('div', { class: 'two' },
    make('section', { class: 'card' }, make('h2', {}, 'Error on gold people, per part'), make('div', { id: 'heat' }),
      parts(numbers.parts)),
    make('section', { class: 'card' }, make('h2', {}, 'Error over time'),
      make('p', { class: 'lead' }, 'Mean distance on the body from the truth, of each 20 points on gold people.'),
      chart(numbers.annotators), make('h2', { class: 'gap' }, 'Per annotator and part, cm'), grid(numbers.annotators))));
await heat(numbers.parts);
document.body.dataset.ready = 'yes';

/**
 * @param {number} value
 * @param {number} of
 */
function bar(value, of) {
  const inner = make('i');
  inner.style.width = `${of ? (100 * value) / of : 0}%`;
  return make('div', { class: 'meter big' }, inner);
}

/**
 * @param {number | string} value
 * @param {string} text
 */
function figure(value, text) {
  return make('div', { class: 'number' }, make('b', {}, value), text);
}

/** @param {number | null} value */
function percent(value) {
  return value === null ? '–' : `${Math.round(value * 100)} %`;
}

/** @param {Centimetres} value */
function cm(value) {
  return value.mean === null ? '–' : `${value.mean.toFixed(1)} / ${value.median?.toFixed(1)}`;
}

/** @param {number | null} seconds */
function time(seconds) {
  return seconds === null ? '–' : duration(seconds);
}

/**
 * @param {string[]} heads
 * @param {(string | number | Node)[][]} rows
 */
function tableOf(heads, rows) {
  const cell = (/** @type {'th' | 'td'} */ tag) => (/** @type {string | number | Node} */ text, /** @type {number} */ k) =>
    make(tag, { class: k ? 'n' : '' }, text);
  return make('table', {}, make('thead', {}, make('tr', {}, ...heads.map(cell('th')))),
    make('tbody', {}, ...rows.map((row) => make('tr', {}, ...row.map(cell('td'))))));
}

/** @param {Annotator[]} rows */
function annotators(rows) {
  if (!rows.length) return make('p', { class: 'lead' }, 'Nobody has begun yet.');
  return tableOf(
    ['', 'People', 'Points', 'Left out', 'Outlines, median', 'Points, median', 'Per point', 'Gold people',
      'Error, cm: mean / median', 'Off the person', 'Overlap of parts', 'Agreement, cm'],
    rows.map((a) => [a.name, a.done, a.points, a.left_out, time(a.seconds_parts), time(a.seconds_points),
      time(a.seconds_point), a.gold_people, cm(a.error), a.outside, percent(a.overlap), cm(a.agreement)]));
}

/** @param {PartRow[]} rows */
function parts(rows) {
  return tableOf(['', 'Error, cm: mean / median', 'Points', 'Overlap', 'Agreement, cm', 'Agreement, overlap'],
    rows.map((r) => [me.parts[r.part - 1].name, cm(r.error), r.error.count, percent(r.overlap), cm(r.agreement),
      percent(r.agreement_overlap)]));
}

/** @param {Annotator[]} rows */
function grid(rows) {
  const known = rows.filter((a) => a.error.count);
  if (!known.length) return make('p', { class: 'lead' }, 'No gold person is handed in yet.');
  return tableOf(['', ...known.map((a) => a.name)], me.parts.map((p) => [p.name, ...known.map((a) => {
    const value = a.error_parts[p.number];
    const box = make('span', { class: 'cell' }, value.mean === null ? '–' : value.mean.toFixed(1));
    if (value.mean !== null) box.style.background = red(value.mean, 0.55);
    return box;
  })]));
}

/**
 * Green to red by centimetres.
 * @param {number} value
 * @param {number} alpha
 */
function red(value, alpha) {
  const t = Math.min(value / WORST, 1);
  return `rgba(${Math.round(90 + 140 * t)},${Math.round(170 - 110 * t)},${Math.round(110 - 60 * t)},${alpha})`;
}

/** The body, its parts coloured by their errors. @param {PartRow[]} rows */
async function heat(rows) {
  const text = await (await fetch('/static/body.svg')).text();
  const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  svg.setAttribute('class', 'figure');
  byId('heat').append(document.importNode(svg, true));
  for (const path of byId('heat').querySelectorAll('path')) {
    const row = rows[Number(path.dataset.part) - 1];
    if (row.error.mean !== null) path.style.fill = red(row.error.mean, 0.9);
  }
}

/** @param {Annotator[]} rows */
function chart(rows) {
  const known = rows.filter((a) => a.error_time.length);
  if (!known.length) return make('p', { class: 'lead' }, 'No gold person is handed in yet.');
  const [w, h, left, low] = [560, 220, 58, 24];
  const top = Math.max(4, ...known.flatMap((a) => a.error_time.map((p) => p[1]))) * 1.1;
  const longest = Math.max(...known.map((a) => a.error_time.length));
  const x = (/** @type {number} */ k) => left + ((w - left - 10) * (longest > 1 ? k / (longest - 1) : 0.5));
  const y = (/** @type {number} */ v) => (h - low) * (1 - v / top) + 6;
  const lines = [0, 0.25, 0.5, 0.75, 1].map((t) => draw('line', { x1: left, x2: w - 10, y1: y(t * top / 1.1), y2: y(t * top / 1.1), class: 'rule' }));
  const texts = [0, 0.5, 1].map((t) => label(`${(t * top / 1.1).toFixed(1)} cm`, left - 4, y(t * top / 1.1) + 4, 'end'));
  const curves = known.flatMap((a, k) => {
    const ink = INKS[k % INKS.length];
    const line = draw('polyline', { points: a.error_time.map((p, n) => `${x(n)},${y(p[1])}`).join(' '), class: 'curve', stroke: ink });
    const dots = a.error_time.map((p, n) => draw('circle', { cx: x(n), cy: y(p[1]), r: 3.5, fill: ink }));
    return [line, ...dots];
  });
  const svg = draw('svg', { viewBox: `0 0 ${w} ${h + 6}`, class: 'chart' });
  svg.append(...lines, ...texts, ...curves);
  return make('div', {}, svg, make('div', { class: 'legend' }, ...known.map((a, k) => {
    const dot = make('i');
    dot.style.background = INKS[k % INKS.length];
    return make('span', {}, dot, a.name);
  })));
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function draw(tag, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} anchor
 */
function label(text, x, y, anchor) {
  const element = draw('text', { x, y, 'text-anchor': anchor });
  element.textContent = text;
  return element;
}
