// Stage 2: where points of the photo lie on the body surface.

import { get, Outbox, Refused, start } from './api.js';
import { byId, fill, make, toast } from './dom.js';
import { KEYS, showFoot } from './help.js';
import { ARROWS, keyHelp, listen } from './keys.js';
import { meter, pointItem, showNote } from './panel.js';
import { PhotoView } from './photo.js';
import { disc, near, target } from './screen.js';
import { Drawing } from './shapes.js';
import { Turntable } from './turntable.js';
import { Pane, strip } from './views.js';

/**
 * @typedef {import('./api.js').Work} Work
 * @typedef {import('./api.js').State} State
 * @typedef {import('./api.js').Places} Places
 * @typedef {import('./api.js').Point} Point
 */

const me = await start();
const number = Number(new URLSearchParams(location.search).get('a'));
const outbox = new Outbox(number, (waiting, trouble) => showFoot('points', waiting, trouble));
await outbox.flush();
/** @type {Work} */
const work = await get(`/api/assignments/${number}`);
/** @type {{size: number, turntable: {width: number, height: number, frames: number}, names: Record<string, string[]>}} */
const views = await get('/api/views');
if (work.state.stage === 'parts') location.replace(`/parts.html?a=${number}`);

/** @type {State} */
let state = work.state;
/** @type {Record<string, Places>} */
let places = await get(`/api/assignments/${number}/places`);
const drawing = new Drawing(state.shapes);
const scratch = document.createElement('canvas');
let active = 0; // index in state.points
let chosen = 0; // view that keys act on
let alpha = 0.18;
let byKeys = false;
/** @type {Places | null} */
let trial = null; // while dragging
let wanted = ''; // the trial that was asked for last
let seenPart = 0;
const photo = new PhotoView(byId('photo'), work, paintPhoto);
const panes = Array.from({ length: 6 }, () => new Pane(byId('views'), views.size, views.size, ''));
const table = new Turntable(byId('turntable'), views.turntable, 'whole body: drag to turn');
table.strip = await strip(0);
active = Math.max(0, state.points.findIndex((p) => isOpen(p.number)));
await go(active);

/** @param {number} n */
function kindOf(n) {
  return n in state.placed ? 'done' : state.left_out.includes(n) ? 'out' : '';
}

/** @param {number} n */
function isOpen(n) {
  return !kindOf(n);
}

/** The point to place. @returns {Point | undefined} */
function point() {
  return state.points[active];
}

/**
 * @param {PhotoView} view
 * @param {CanvasRenderingContext2D} draw
 */
function paintPhoto(view, draw) {
  drawing.paint(view, draw, me.parts, alpha, scratch);
  state.points.forEach((p, k) => {
    if (k === active) return;
    const kind = kindOf(p.number);
    disc(draw, view.toScreen(p.x, p.y), 4,
      kind === 'done' ? '#2f9d6b' : kind === 'out' ? '#777' : 'rgba(255,255,255,.55)');
    draw.lineWidth = 1;
    draw.strokeStyle = 'rgba(20,20,25,.8)';
    draw.stroke();
  });
  const p = point();
  if (p) target(draw, view.toScreen(p.x, p.y));
}

/** Zoom to the points of the active part. */
function focus() {
  const p = point();
  if (!p) return;
  const own = state.points.filter((q) => q.part === p.part);
  const [xs, ys] = [own.map((q) => q.x), own.map((q) => q.y)];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const whole = Math.max(work.box[2] - work.box[0], work.box[3] - work.box[1]);
  const w = Math.max((x1 - x0) * 2.2, whole / 3);
  const h = Math.max((y1 - y0) * 2.2, whole / 3);
  photo.fitted = false;
  photo.scale = Math.min((photo.width ?? 1) / w, (photo.height ?? 1) / h);
  photo.left = (x0 + x1) / 2 - (photo.width ?? 1) / 2 / photo.scale;
  photo.top = (y0 + y1) / 2 - (photo.height ?? 1) / 2 / photo.scale;
}

/** Show everything anew. */
function show() {
  const p = point();
  const part = p ? me.parts[p.part - 1] : undefined;
  const todo = state.points.filter((q) => isOpen(q.number)).length;
  fill(byId('title'), part ? `Where on the ${part.name}?` : 'No points');
  fill(byId('lead'), 'Click the place that the ', make('b', { class: 'mark' }, 'yellow mark'),
    ' in the photo shows, in whichever view is best. Think of the body under the clothes.');
  fill(byId('progress'), meter(state.points.length ? 1 - todo / state.points.length : 0),
    `${state.points.length - todo} of ${state.points.length} points`);
  fill(byId('points'), ...state.points.map((q, k) => pointItem(q, me.parts[q.part - 1], k, k === active, kindOf(q.number),
    () => { void go(k); })));
  fill(byId('finish'),
    make('div', { class: 'row' },
      make('button', { title: 'This point cannot be told (C)', onclick: () => { void cannot(); } }, 'Cannot tell',
        make('kbd', {}, 'C')),
      make('button', { title: 'Undo (Ctrl+Z)', disabled: !state.undoable['2']?.[0],
        onclick: () => { void back('undo'); } }, 'Undo'),
      make('button', { title: 'Next point (Space)', onclick: () => { void next(); } }, 'Next point', make('kbd', {}, 'space'))),
    make('div', { class: 'row' },
      make('button', { class: 'quiet', onclick: () => { void reopen(); } }, 'Back to the parts'),
      make('button', { class: todo ? '' : 'main', title: 'Ctrl+Enter', onclick: () => { void submit(); } },
        todo ? `Hand in (${todo} left)` : 'Hand in')));
  showNote(state);
  mark();
}

/** Put the marks on all views. */
function mark() {
  const p = point();
  const now = trial || (p && places[p.number]) || null;
  const kind = trial ? 'try' : 'active';
  const others = state.points.filter((q) => p && q.part === p.part && q !== p && places[q.number]);
  panes.forEach((pane, k) => {
    pane.marks = others.map((q) => ({ spot: places[q.number].views[k], kind: /** @type {const} */ ('placed') }));
    if (now) pane.marks.push({ spot: now.views[k], kind });
    pane.box.classList.toggle('on', byKeys && k === chosen);
    pane.paint();
  });
  table.show(state.points.filter((q) => q !== p && places[q.number]).map((q) => places[q.number]), now, kind);
  photo.redraw();
}

/** Make a point the active one. @param {number} k */
async function go(k) {
  active = k;
  trial = null;
  const p = point();
  if (p && p.part !== seenPart) {
    const picture = await strip(p.part);
    seenPart = p.part;
    panes.forEach((pane, n) => {
      pane.strip = picture;
      pane.frame = n;
      pane.reset();
      fill(pane.caption, make('kbd', {}, n + 1), ` ${views.names[p.part][n]}`);
    });
    focus();
  } else if (p) photo.reveal(p.x, p.y);
  panes.forEach((pane) => { pane.cross = null; });
  show();
  const next1 = state.points[active + 1];
  if (next1) void strip(next1.part);
}

/** The next point that is not placed, or just the next one. */
async function next() {
  const rest = [...state.points.keys()].map((k) => (active + 1 + k) % state.points.length);
  const open = rest.find((k) => isOpen(state.points[k].number));
  await go(open ?? (active + 1) % Math.max(state.points.length, 1));
}

/**
 * @param {number} view
 * @param {[number, number]} at
 */
async function place(view, at) {
  const p = point();
  if (!p) return;
  const began = performance.now();
  try {
    const answer = await outbox.send('place', { point: p.number, view, x: at[0], y: at[1] });
    if (answer.placed && answer.places) {
      state.placed[p.number] = answer.placed;
      places[p.number] = answer.places;
      state.left_out = state.left_out.filter((n) => n !== p.number);
      state.undoable['2'] = [(state.undoable['2']?.[0] ?? 0) + 1, 0];
    }
  } catch (error) {
    toast(error instanceof Refused && error.status === 422 ? 'Click on the coloured part' : String(error), 'bad');
  }
  trial = null;
  show();
  document.body.dataset.answered = String(Math.round(performance.now() - began));
}

async function cannot() {
  const p = point();
  if (!p) return;
  const answer = await outbox.send('cannot', { point: p.number });
  if (answer.state) state = answer.state;
  delete places[p.number];
  await next();
}

/** @param {'undo' | 'redo'} kind */
async function back(kind) {
  const answer = await outbox.send(kind, { stage: 2 });
  if (answer.state) state = answer.state;
  places = await get(`/api/assignments/${number}/places`);
  show();
}

async function reopen() {
  await outbox.send('parts_reopen');
  location.assign(`/parts.html?a=${number}`);
}

async function submit() {
  const open = state.points.findIndex((p) => isOpen(p.number));
  if (open >= 0) {
    toast('Some points are still to be placed, or to be left out with C');
    await go(open);
    return;
  }
  await outbox.send('submit');
  location.assign('/?done=1');
}

/**
 * While the button is held: where the surface point would be.
 * @param {number} view
 * @param {[number, number]} at
 */
async function attempt(view, at) {
  const p = point();
  if (!p) return;
  const query = `x=${at[0].toFixed(2)}&y=${at[1].toFixed(2)}`;
  wanted = query;
  const found = await get(`/api/locate/${p.part}/${view}?${query}`);
  if (wanted === query) {
    trial = found.places;
    mark();
  }
}

panes.forEach((pane, view) => {
  let down = false;
  let asked = 0;
  pane.canvas.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    pane.canvas.setPointerCapture(event.pointerId);
    down = true;
    byKeys = false;
    asked = performance.now();
  });
  pane.canvas.addEventListener('pointermove', (event) => {
    if (!down || performance.now() - asked < 60) return;
    asked = performance.now();
    void attempt(view, pane.at(event));
  });
  pane.canvas.addEventListener('pointerup', (event) => {
    if (!down) return;
    down = false;
    wanted = '';
    void place(view, pane.at(event));
  });
});

let dragging = false;
photo.canvas.addEventListener('pointerdown', (event) => {
  photo.canvas.setPointerCapture(event.pointerId);
  const hit = near(photo, state.points.map((p) => [p.x, p.y]), event.offsetX, event.offsetY);
  if (hit >= 0 && !event.button) void go(hit);
  else dragging = true;
});
photo.canvas.addEventListener('pointermove', (event) => {
  if (dragging) photo.pan(event.movementX, event.movementY);
});
photo.canvas.addEventListener('pointerup', () => { dragging = false; });

listen((kind) => void back(kind), () => void submit(), pressed);

/**
 * Keys without Ctrl; whether the key meant something.
 * @param {string} key
 * @param {boolean} shift
 */
function pressed(key, shift) {
  if (key >= '1' && key <= '6') chooseView(Number(key) - 1);
  else if (key in ARROWS) moveCross(ARROWS[key], shift ? 20 : 4);
  else if (key === 'Enter') { const at = panes[chosen].cross; if (at) void place(chosen, at); }
  else if (key === ' ' || key === 'Tab') void (shift ? go((active - 1 + state.points.length) % state.points.length) : next());
  else if (key === 'c') void cannot();
  else if (key === 'k') void go((active - 1 + state.points.length) % state.points.length);
  else if (key === 'j') void go((active + 1) % state.points.length);
  else if (key === '[' || key === ']') table.rotate(key === ']' ? 1 : -1);
  else if (key === '+' || key === '=') photo.zoom(1.25);
  else if (key === '-') photo.zoom(0.8);
  else if (key === 'f') photo.fit();
  else if (key === 'g') { focus(); photo.redraw(); }
  else if (key === 'o') { alpha = alpha > 0.5 ? 0 : alpha + 0.18; photo.redraw(); }
  else if (key === '?') keyHelp(KEYS.points);
  else return false;
  return true;
}

/** @param {number} view */
function chooseView(view) {
  byKeys = true;
  panes[chosen].cross = null;
  chosen = view;
  const p = point();
  const spot = p && places[p.number]?.views[view];
  panes[view].cross = spot ? [spot[0], spot[1]] : [views.size / 2, views.size / 2];
  mark();
}

/**
 * @param {[number, number]} by
 * @param {number} step
 */
function moveCross(by, step) {
  if (!panes[chosen].cross) chooseView(chosen);
  const [x, y] = /** @type {[number, number]} */ (panes[chosen].cross);
  const limit = (/** @type {number} */ n) => Math.min(Math.max(n, 0), views.size - 0.01);
  panes[chosen].cross = [limit(x + by[0] * step), limit(y + by[1] * step)];
  panes[chosen].paint();
}

showFoot('points', 0, false);
document.body.dataset.ready = 'yes';
