// Review: look at what is handed in, accept it or send it back with a note.

import { get, Outbox, Refused, start } from './api.js';
import { byId, duration, fill, make, toast, typing } from './dom.js';
import { hints } from './help.js';
import { keyHelp } from './keys.js';
import { PhotoView } from './photo.js';
import { disc } from './screen.js';
import { Drawing, colour } from './shapes.js';
import { Turntable } from './turntable.js';
import { Pane, strip } from './views.js';

/**
 * @typedef {{id: number, person_id: number, annotator: string, stage: string, returned: boolean, last: number}} Entry
 * @typedef {import('./api.js').Work} Work
 * @typedef {import('./api.js').Places} Places
 */

const me = await start();
const views = await get('/api/views');
/** @type {Entry[]} */
let entries = [];
/** @type {Entry | undefined} */
let entry;
/** @type {Work | undefined} */
let work;
/** @type {Record<string, Places>} */
let places = {};
/** @type {Outbox | undefined} */
let outbox;
let chosen = -1; // number of the point whose place is shown
let alpha = 0.45;
/** @type {PhotoView | undefined} */
let view;
/** @type {Pane[]} */
let panes = [];
/** @type {Turntable | undefined} */
let table;
const scratch = document.createElement('canvas');
await load();
const first = entries.find((e) => e.stage === 'submitted') || entries[0];
if (first) await open(first);
else empty();
list();
document.body.dataset.ready = 'yes';

async function load() {
  entries = (await get('/api/review')).assignments;
}

function list() {
  const waiting = entries.filter((e) => e.stage === 'submitted').length;
  fill(byId('list'), make('h1', {}, `${waiting} to review`),
    make('ol', { class: 'entries' }, ...entries.map((e) => make('li', { class: e === entry ? 'on' : '' },
      make('button', { onclick: () => { void open(e); } },
        make('img', { class: 'thumb', src: `/api/assignments/${e.id}/thumb`, alt: '', loading: 'lazy' }),
        make('span', { class: 'name' }, e.annotator, make('br'), make('small', {}, `person ${e.person_id}`)),
        make('span', { class: `tag ${e.returned ? 'returned' : e.stage}` },
          e.returned ? 'sent back' : e.stage === 'accepted' ? 'accepted' : 'new'))))));
}

function empty() {
  fill(byId('side'), make('h1', {}, 'Nothing to review'),
    make('p', { class: 'lead' }, 'What annotators hand in appears here.'));
}

/** @param {Entry} e */
async function open(e) {
  entry = e;
  work = /** @type {Work} */ (await get(`/api/assignments/${e.id}`));
  places = await get(`/api/assignments/${e.id}/places`);
  outbox = new Outbox(e.id, () => undefined);
  chosen = -1;
  fill(byId('photo'));
  const drawing = new Drawing(work.state.shapes);
  view = new PhotoView(byId('photo'), work, (photo, draw) => paint(drawing, photo, draw));
  bind(view);
  side();
  list();
}

/**
 * @param {Drawing} drawing
 * @param {PhotoView} photo
 * @param {CanvasRenderingContext2D} draw
 */
function paint(drawing, photo, draw) {
  drawing.paint(photo, draw, me.parts, alpha, scratch);
  for (const p of photo.work.state.points) {
    disc(draw, photo.toScreen(p.x, p.y), p.number === chosen ? 8 : 4.5,
      p.number in photo.work.state.placed ? colour(me.parts[p.part - 1], 1) : '#777');
    draw.lineWidth = p.number === chosen ? 3 : 1.3;
    draw.strokeStyle = p.number === chosen ? '#ffd23e' : 'rgba(20,20,25,.9)';
    draw.stroke();
  }
}

/** @param {PhotoView} photo */
function bind(photo) {
  let dragging = false;
  photo.canvas.addEventListener('pointerdown', (event) => {
    const hit = photo.work.state.points.find((p) => {
      const [x, y] = photo.toScreen(p.x, p.y);
      return Math.hypot(x - event.offsetX, y - event.offsetY) < 10;
    });
    if (hit) void choose(hit.number);
    else dragging = true;
  });
  photo.canvas.addEventListener('pointermove', (event) => {
    if (dragging && event.buttons) photo.pan(event.movementX, event.movementY);
  });
  photo.canvas.addEventListener('pointerup', () => { dragging = false; });
}

function side() {
  if (!work || !entry) return;
  const { state } = work;
  const unsure = Object.entries(state.status).filter(([, s]) => s === 'unsure').map(([n]) => me.parts[Number(n) - 1].name);
  const note = make('textarea', { rows: 3, placeholder: 'Note to the annotator (when sending back)', id: 'verdict-note',
    maxlength: 2000, 'aria-label': 'note' });
  fill(byId('side'),
    make('h1', {}, `${entry.annotator}, person ${entry.person_id}`),
    make('dl', { class: 'facts' },
      ...fact('Points', `${Object.keys(state.placed).length} placed, ${state.left_out.length} left out`),
      ...fact('Outlines took', duration(state.seconds['1'])), ...fact('Points took', duration(state.seconds['2'])),
      ...(state.assisted ? fact('Began with', 'the model’s outlines') : []),
      ...(unsure.length ? fact('Unsure', unsure.join(', ')) : [])),
    state.note && make('div', { class: 'note' }, make('b', {}, 'Last note: '), state.note),
    make('p', { class: 'lead' }, 'Click a point in the photo to see where it was put.'),
    make('div', { class: 'views small', id: 'views' }), make('div', { class: 'turntable tall', id: 'turntable' }),
    state.stage === 'submitted' ? make('div', { class: 'finish' }, note,
      make('div', { class: 'row' },
        make('button', { onclick: () => { void verdict('return', note.value); } }, 'Send back', make('kbd', {}, 'R')),
        make('button', { class: 'main', onclick: () => { void verdict('accept', ''); } }, 'Accept', make('kbd', {}, 'A'))))
      : make('div', { class: 'finish' }, make('div', { class: 'note good' }, state.returned ? 'Sent back.' : 'Accepted.')));
  panes = Array.from({ length: 6 }, () => new Pane(byId('views'), views.size, views.size, ''));
  table = new Turntable(byId('turntable'), views.turntable, 'all points: drag to turn');
  void strip(0).then((image) => {
    if (table) table.strip = image;
    const placed = Object.keys(places)[0];
    if (placed) void choose(Number(placed));
    showPoints();
  });
  fill(byId('keys'), ...hints([['A', 'accept'], ['R', 'send back'], ['J K', 'next, before'], ['O', 'opacity'], ['?', 'all keys']]));
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return [make('dt', {}, name), make('dd', {}, value)];
}

/** All points on the turntable. */
function showPoints() {
  const others = Object.entries(places).filter(([n]) => Number(n) !== chosen).map(([, p]) => p);
  table?.show(others, places[chosen] || null, 'active');
}

/** @param {number} number */
async function choose(number) {
  const point = work?.state.points.find((p) => p.number === number);
  if (!point) return;
  chosen = number;
  const image = await strip(point.part);
  panes.forEach((pane, k) => {
    pane.strip = image;
    pane.frame = k;
    pane.marks = places[number] ? [{ spot: places[number].views[k], kind: 'active' }] : [];
    fill(pane.caption, views.names[point.part][k]);
    pane.paint();
  });
  showPoints();
  view?.redraw();
}

/**
 * @param {'accept' | 'return'} kind
 * @param {string} note
 */
async function verdict(kind, note) {
  if (!entry || !outbox || entry.stage !== 'submitted') return;
  if (kind === 'return' && !note.trim()) {
    toast('Say in the note what is to be corrected');
    byId('verdict-note').focus();
    return;
  }
  try {
    await outbox.send(kind, { note });
  } catch (error) {
    toast(error instanceof Refused ? error.message : String(error), 'bad');
  }
  const at = entry.id;
  await load();
  const rest = entries.find((e) => e.stage === 'submitted') || entries.find((e) => e.id === at) || entries[0];
  if (rest) await open(rest);
  else location.reload();
}

/** @param {number} by */
function step(by) {
  const k = entries.findIndex((e) => e === entry);
  const next = entries[(k + by + entries.length) % Math.max(entries.length, 1)];
  if (next) void open(next);
}

window.addEventListener('keydown', (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === 'a') void verdict('accept', '');
  else if (key === 'r') byId('verdict-note').focus();
  else if (key === 'j') step(1);
  else if (key === 'k') step(-1);
  else if (key === 'o') { alpha = alpha > 0.6 ? 0 : alpha + 0.25; view?.redraw(); }
  else if (key === 'f') view?.fit();
  else if (key === '[' || key === ']') table?.rotate(key === ']' ? 1 : -1);
  else if (key === '?') keyHelp([['A', 'accept'], ['R', 'write a note, then send back'], ['J K', 'next person, person before'],
    ['O', 'opacity of the regions'], ['F', 'whole person'], ['[ ]', 'turn the body']]);
  else return;
  event.preventDefault();
});
