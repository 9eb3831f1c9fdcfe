// Stage 1: outlines of the body parts.

import { get, Outbox, post, Refused, start } from './api.js';
import { byId, fill, make, toast } from './dom.js';
import { figure } from './figure.js';
import { keyHelp, listen } from './keys.js';
import { PhotoView } from './photo.js';
import { Drawing, colour, path, simplify } from './shapes.js';

/**
 * @typedef {import('./api.js').Work} Work
 * @typedef {'polygon' | 'brush' | 'erase' | 'edit' | 'move'} Tool
 * @typedef {[number, number]} Place
 */

const KEYS = '1234567890qwer'; // of the parts, in their order
const NEAR = 9; // screen pixels within which a vertex is meant
/** @type {[Tool, string, string][]} */
const TOOLS = [['polygon', 'P', 'Polygon'], ['brush', 'B', 'Brush'], ['erase', 'X', 'Eraser'],
  ['edit', 'V', 'Edit vertices'], ['move', 'H', 'Move photo']];

const me = await start();
const number = Number(new URLSearchParams(location.search).get('a'));
const outbox = new Outbox(number, showSaved);
await outbox.flush();
/** @type {Work} */
const work = await get(`/api/assignments/${number}`);
if (work.state.stage === 'points') location.replace(`/points.html?a=${number}`);

const drawing = new Drawing(work.state.shapes);
/** @type {Record<string, string>} */
let status = work.state.status;
let undoable = work.state.undoable['1'] || [0, 0];
/** @type {Tool} */
let tool = 'polygon';
let part = firstMissing();
let width = Math.max(3, Math.round((work.box[2] - work.box[0]) / 14)); // of the brush, photo pixels
let alpha = 0.5;
/** @type {Place[]} */
let line = []; // what is being drawn, photo pixels
/** @type {Place | null} */
let pointer = null; // photo pixels
/** @type {{key: string, vertex: number} | null} */
let held = null; // the vertex being dragged
let chosen = ''; // the shape whose vertices show
let spread = false; // dragging the photo
let free = false; // drawing with the button held
const scratch = document.createElement('canvas');
const view = new PhotoView(byId('photo'), work, paint);
const showFigure = await figure(byId('figure'), me.parts, choose);
show();

function firstMissing() {
  const drawn = drawing.parts();
  return me.parts.find((p) => !drawn.has(p.number) && !status?.[p.number])?.number || 1;
}

/**
 * @param {PhotoView} photo
 * @param {CanvasRenderingContext2D} draw
 */
function paint(photo, draw) {
  const { box } = work;
  drawing.paint(photo, draw, me.parts, alpha, scratch);
  draw.setLineDash([6, 5]);
  draw.strokeStyle = 'rgba(255,255,255,.75)';
  draw.lineWidth = 1.2;
  draw.stroke(path(photo, [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], true));
  draw.setLineDash([]);
  for (const shape of drawing.shapes) {
    if (shape.tool !== 'polygon' || !shape.part) continue;
    draw.strokeStyle = colour(me.parts[shape.part - 1], 1);
    draw.lineWidth = shape.key === chosen ? 2.5 : 1.2;
    draw.stroke(path(photo, shape.points, true));
    if (tool === 'edit' && shape.key === chosen) dots(draw, shape.points, '#fff');
  }
  if (line.length) paintLine(draw);
  else if (pointer && (tool === 'brush' || tool === 'erase')) ring(draw, pointer);
}

/** What is being drawn. @param {CanvasRenderingContext2D} draw */
function paintLine(draw) {
  const ink = tool === 'erase' ? '#fff' : colour(me.parts[part - 1], 1);
  draw.strokeStyle = ink;
  if (tool === 'polygon') {
    const open = pointer && !free ? [...line, pointer] : line;
    draw.fillStyle = colour(me.parts[part - 1], 0.35);
    draw.fill(path(view, open, true), 'evenodd');
    draw.lineWidth = 2;
    draw.stroke(path(view, open, false));
    dots(draw, free ? [line[0]] : line, '#fff');
  } else {
    draw.globalAlpha = 0.6;
    draw.lineCap = draw.lineJoin = 'round';
    draw.lineWidth = width * view.scale;
    draw.stroke(path(view, line.length > 1 ? line : [line[0], line[0]], false));
    draw.globalAlpha = 1;
  }
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Place[]} places
 * @param {string} ink
 */
function dots(draw, places, ink) {
  draw.fillStyle = ink;
  draw.strokeStyle = '#1b1c1f';
  draw.lineWidth = 1.2;
  places.forEach(([x, y], k) => {
    const [sx, sy] = view.toScreen(x, y);
    draw.beginPath();
    draw.arc(sx, sy, k ? 3.5 : 5, 0, 7);
    draw.fill();
    draw.stroke();
  });
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Place} at
 */
function ring(draw, at) {
  const [x, y] = view.toScreen(...at);
  draw.strokeStyle = '#fff';
  draw.lineWidth = 1.5;
  draw.beginPath();
  draw.arc(x, y, Math.max(2, (width / 2) * view.scale), 0, 7);
  draw.stroke();
}

/** Show part list, tools, figure. */
function show() {
  const drawn = drawing.parts();
  fill(byId('tools'),
    ...TOOLS.map(([name, key, title]) => make('button',
      { class: tool === name ? 'on' : '', title: `${title} (${key})`, 'aria-pressed': tool === name,
        onclick: () => setTool(name) }, title.split(' ')[0], make('kbd', {}, key))),
    make('button', { title: 'Undo (Ctrl+Z)', disabled: !undoable[0], onclick: () => { void back('undo'); } }, 'Undo'),
    make('button', { title: 'Redo (Ctrl+Y)', disabled: !undoable[1], onclick: () => { void back('redo'); } }, 'Redo'),
    !drawing.shapes.length && make('button', { class: 'wide', title: 'Let the model propose outlines (A)',
      onclick: () => { void assist(); } }, 'Propose outlines', make('kbd', {}, 'A')));
  fill(byId('parts'), ...me.parts.map((p, k) => make('li', { class: p.number === part ? 'on' : '' },
    make('button', { class: 'part', onclick: () => choose(p.number) }, make('kbd', {}, KEYS[k]), swatch(p),
      make('span', { class: 'name' }, p.name), ...state(p.number, drawn)))));
  fill(byId('finish'),
    make('div', { class: 'row' },
      make('button', { title: 'This part cannot be seen (N)', onclick: () => setStatus('hidden') }, 'Not visible',
        make('kbd', {}, 'N')),
      make('button', { title: 'I am not sure about this part (U)', onclick: () => setStatus('unsure') }, 'Unsure',
        make('kbd', {}, 'U'))),
    make('div', { class: 'row' },
      make('button', { class: 'quiet', onclick: () => { void skip(); } }, 'Skip person'),
      make('button', { class: 'main', title: 'Ctrl+Enter', onclick: () => { void done(); } }, 'Next: points')));
  fill(byId('note'), work.state.returned && make('div', { class: 'note' }, make('b', {}, 'Sent back: '),
    work.state.note || 'please check again'));
  showFigure(part, drawn);
  view.redraw();
}

/** @param {import('./api.js').Part} p */
function swatch(p) {
  const box = make('i', { class: 'swatch' });
  box.style.background = colour(p, 1);
  return box;
}

/**
 * @param {number} n
 * @param {Set<number>} drawn
 */
function state(n, drawn) {
  const marks = [];
  if (drawn.has(n)) marks.push(make('span', { class: 'state done', title: 'drawn' }, '✓'));
  if (status[n] === 'hidden' && !drawn.has(n)) marks.push(make('span', { class: 'state', title: 'not visible' }, 'hidden'));
  if (status[n] === 'unsure') marks.push(make('span', { class: 'state', title: 'unsure' }, '?'));
  return marks;
}

/** @param {number} n */
function choose(n) {
  if (tool === 'polygon') line = [];
  part = n;
  show();
}

/** @param {Tool} name */
function setTool(name) {
  line = [];
  tool = name;
  if (name !== 'edit') chosen = '';
  view.canvas.dataset.tool = name;
  show();
}

/** @param {'hidden' | 'unsure'} wanted */
function setStatus(wanted) {
  status[part] = status[part] === wanted ? 'visible' : wanted;
  void act('status', { part, status: status[part] });
  if (wanted === 'hidden' && status[part] === 'hidden') choose(part % 14 + 1);
  show();
}

/**
 * @param {string} kind
 * @param {Record<string, unknown>} fields
 * @param {string} [key]
 */
async function act(kind, fields, key) {
  undoable = [undoable[0] + 1, 0];
  try {
    await outbox.send(kind, fields, key);
  } catch (error) {
    await refresh();
    toast(error instanceof Refused ? error.message : String(error), 'bad');
  }
}

async function refresh() {
  take((await get(`/api/assignments/${number}`)).state);
}

/** @param {import('./api.js').State} found */
function take(found) {
  drawing.shapes = found.shapes;
  status = found.status;
  undoable = found.undoable['1'] || [0, 0];
  show();
}

/** @param {'undo' | 'redo'} kind */
async function back(kind) {
  if (line.length) {
    line.pop();
    view.redraw();
    return;
  }
  const answer = await outbox.send(kind, { stage: 1 });
  if (answer.state) take(answer.state);
}

async function assist() {
  toast('The model is looking …');
  try {
    take((await post(`/api/assignments/${number}/assist`)).state);
    toast('Proposed outlines: correct them where they are wrong');
  } catch (error) {
    toast(error instanceof Refused ? error.message : String(error), 'bad');
  }
}

async function done() {
  if (line.length > 2) close();
  try {
    await outbox.send('parts_done');
    location.assign(`/points.html?a=${number}`);
  } catch (error) {
    toast(error instanceof Refused ? error.message : String(error), 'bad');
  }
}

async function skip() {
  await outbox.send('skip');
  location.assign('/');
}

/** Finish the line that is being drawn. */
function close() {
  const least = tool === 'polygon' ? 3 : 1;
  const points = line.map((p) => /** @type {Place} */ ([round(p[0]), round(p[1])]));
  line = [];
  if (points.length < least) {
    view.redraw();
    return;
  }
  const key = Outbox.key();
  const shape = { part: tool === 'erase' ? 0 : part, tool: tool === 'polygon' ? 'polygon' : 'brush', points, width };
  drawing.shapes.push(/** @type {import('./api.js').Shape} */ ({ key, ...shape }));
  void act('shape', shape, key);
  if (status[part] === 'hidden') setStatus('hidden');
  show();
}

/** @param {number} n */
const round = (n) => Math.round(n * 100) / 100;

/**
 * The number of the place within reach of (x, y) on the screen, or -1.
 * @param {Place[]} places
 * @param {number} x
 * @param {number} y
 */
function near(places, x, y) {
  return places.findIndex(([px, py]) => {
    const [sx, sy] = view.toScreen(px, py);
    return Math.hypot(sx - x, sy - y) < NEAR;
  });
}

/**
 * @param {number} x screen
 * @param {number} y
 */
function press(x, y) {
  const at = view.toPhoto(x, y);
  if (tool === 'edit') grab(x, y);
  else if (tool === 'polygon') {
    if (line.length > 2 && near([line[0]], x, y) === 0) close();
    else line.push(at);
  } else line = [at];
  free = true;
  view.redraw();
}

/**
 * Take hold of a vertex, of a new one on an edge, or of another shape.
 * @param {number} x
 * @param {number} y
 */
function grab(x, y) {
  let shape = drawing.find(chosen);
  const at = view.toPhoto(x, y);
  let vertex = shape ? near(shape.points, x, y) : -1;
  if (shape && vertex < 0) {
    vertex = edgeNear(shape.points, x, y);
    if (vertex >= 0) shape.points.splice(vertex, 0, at);
  }
  if (shape && vertex >= 0) held = { key: shape.key, vertex };
  else {
    shape = drawing.at(...at);
    chosen = shape?.key || '';
    if (shape) part = shape.part;
    show();
  }
}

/**
 * Before which vertex a place on an edge comes, or -1.
 * @param {Place[]} places
 * @param {number} x
 * @param {number} y
 */
function edgeNear(places, x, y) {
  for (let k = 0; k < places.length; k++) {
    const [ax, ay] = view.toScreen(...places[k]);
    const [bx, by] = view.toScreen(...places[(k + 1) % places.length]);
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length || 1);
    if (t > 0 && t < 1 && Math.hypot(ax + t * (bx - ax) - x, ay + t * (by - ay) - y) < 5) return k + 1;
  }
  return -1;
}

/**
 * @param {number} x
 * @param {number} y
 */
function drag(x, y) {
  const at = view.toPhoto(x, y);
  if (held) {
    const shape = drawing.find(held.key);
    if (shape) shape.points[held.vertex] = at;
  } else if (line.length && free) {
    const [lx, ly] = view.toScreen(...line[line.length - 1]);
    if (Math.hypot(lx - x, ly - y) > (tool === 'polygon' ? 7 : 2)) line.push(at);
  }
}

function release() {
  if (held) {
    const shape = drawing.find(held.key);
    if (shape) {
      shape.points = shape.points.map(([x, y]) => [round(x), round(y)]);
      void act('reshape', { shape: shape.key, points: shape.points });
    }
    held = null;
  } else if (line.length && tool !== 'polygon') {
    line = simplify(line, 0.4 / view.scale);
    close();
  } else if (free && tool === 'polygon' && line.length > 8) {
    const [a, b] = [view.toScreen(...line[0]), view.toScreen(...line[line.length - 1])];
    if (Math.hypot(a[0] - b[0], a[1] - b[1]) < 18) { // a loop drawn in one go
      line = simplify(line, 0.8 / view.scale);
      close();
    }
  }
  free = false;
  show();
}

function removeChosen() {
  const shape = drawing.find(chosen);
  if (tool === 'edit' && shape) {
    drawing.remove(shape.key);
    void act('remove', { shape: shape.key });
    chosen = '';
  } else line.pop();
  show();
}

view.canvas.addEventListener('pointerdown', (event) => {
  view.canvas.setPointerCapture(event.pointerId);
  view.canvas.focus();
  if (event.button || tool === 'move' || event.getModifierState(' ') || spaceHeld) spread = true;
  else press(event.offsetX, event.offsetY);
});
view.canvas.addEventListener('pointermove', (event) => {
  pointer = view.toPhoto(event.offsetX, event.offsetY);
  if (spread) view.pan(event.movementX, event.movementY);
  else if (event.buttons) drag(event.offsetX, event.offsetY);
  view.redraw();
});
view.canvas.addEventListener('pointerup', () => {
  if (spread) spread = false;
  else release();
});
view.canvas.addEventListener('dblclick', () => {
  if (tool === 'polygon' && line.length > 2) close();
});

let spaceHeld = false;
window.addEventListener('keyup', (event) => {
  if (event.key === ' ') spaceHeld = false;
});
listen((kind) => void back(kind), () => void done(), press1);

/**
 * Keys without Ctrl; whether the key meant something.
 * @param {string} key
 * @param {boolean} shift
 */
function press1(key, shift) {
  const step = shift ? 40 : 6; // screen pixels
  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const known = TOOLS.find((t) => t[1].toLowerCase() === key);
  if (known) setTool(known[0]);
  else if (KEYS.includes(key) && key.length === 1) choose(KEYS.indexOf(key) + 1);
  else if (key === ']' || key === '[') choose((part - 1 + (key === ']' ? 1 : 13)) % 14 + 1);
  else if (key === 'n') setStatus('hidden');
  else if (key === 'u') setStatus('unsure');
  else if (key === 'a' && !drawing.shapes.length) void assist();
  else if (key === '+' || key === '=') view.zoom(1.25);
  else if (key === '-') view.zoom(0.8);
  else if (key === 'f') view.fit();
  else if (key === 'o') { alpha = alpha > 0.6 ? 0 : alpha + 0.25; view.redraw(); }
  else if (key === ',' || key === '.') { width = Math.max(1, width * (key === '.' ? 1.25 : 0.8)); view.redraw(); }
  else if (key === 'Enter') close();
  else if (key === 'Escape') { line = []; chosen = ''; show(); }
  else if (key === 'Backspace' || key === 'Delete') removeChosen();
  else if (key === 'c') crosshairClick();
  else if (key === ' ') spaceHeld = true;
  else if (key in arrows) moveCrosshair(arrows[key][0] * step, arrows[key][1] * step);
  else if (key === '?') keyHelp(HELP);
  else return false;
  return true;
}

/**
 * The pointer, moved by keys.
 * @param {number} dx
 * @param {number} dy
 */
function moveCrosshair(dx, dy) {
  const [x, y] = pointer ? view.toScreen(...pointer) : [(view.width ?? 0) / 2, (view.height ?? 0) / 2];
  pointer = view.toPhoto(x + dx, y + dy);
  view.reveal(...pointer);
  view.redraw();
}

function crosshairClick() {
  if (!pointer) moveCrosshair(0, 0);
  const [x, y] = view.toScreen(.../** @type {Place} */ (pointer));
  press(x, y);
  free = false;
  if (tool === 'brush' || tool === 'erase') close();
  show();
}

/**
 * @param {number} waiting
 * @param {boolean} trouble
 */
function showSaved(waiting, trouble) {
  const text = trouble ? 'Not saved yet: no answer from the server, trying again' : waiting ? 'saving …' : 'saved';
  fill(byId('keys'), make('span', { class: `saved ${trouble ? 'bad' : ''}`, id: 'saved' }, text),
    make('span', {}, make('kbd', {}, 'wheel'), ' zoom'), make('span', {}, make('kbd', {}, 'space'), ' + drag move'),
    make('span', {}, make('kbd', {}, 'Enter'), ' close'), make('span', {}, make('kbd', {}, 'F'), ' fit'),
    make('span', {}, make('kbd', {}, 'O'), ' opacity'), make('span', {}, make('kbd', {}, '?'), ' all keys'));
}

/** @type {[string, string][]} */
const HELP = [
  ['1 … 0, Q W E R', 'choose a part'], ['[ ]', 'part before, next part'],
  ['P B X V H', 'polygon, brush, eraser, edit vertices, move photo'],
  ['click … Enter', 'vertices of a polygon; Enter, double click or the first vertex closes it'],
  ['drag', 'polygon: draw the outline in one go'], ['arrows, C', 'move the pointer and click, by keys'],
  ['Backspace', 'take the last vertex back; edit: remove the shape'], ['Esc', 'drop what is being drawn'],
  [', .', 'brush size'], ['Ctrl+Z, Ctrl+Y', 'undo, redo'], ['N', 'part not visible'], ['U', 'unsure about the part'],
  ['A', 'let the model propose outlines'], ['+ − F, wheel', 'zoom in, out, fit'], ['space + drag', 'move the photo'],
  ['O', 'opacity of the regions'], ['Ctrl+Enter', 'go on to the points'],
];
showSaved(0, false);
view.canvas.dataset.tool = tool;
document.body.dataset.ready = 'yes';
