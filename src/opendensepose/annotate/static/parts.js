// Stage 1: outlines of the body parts.

import { get, Outbox, post, Refused, start } from './api.js';
import { byId, fill, make, toast } from './dom.js';
import { figure } from './figure.js';
import { KEYS, showFoot } from './help.js';
import { ARROWS, keyHelp, listen } from './keys.js';
import { TOOLS, partItem, showNote, toolButtons } from './panel.js';
import { PhotoView } from './photo.js';
import { dots, frame, near, ring } from './screen.js';
import { Drawing, brush, colour, path, simplify } from './shapes.js';
import { Vertices, rounded } from './vertices.js';

/**
 * @typedef {import('./api.js').Work} Work
 * @typedef {import('./panel.js').Tool} Tool
 * @typedef {[number, number]} Place
 */

const LETTERS = '1234567890qwer'; // keys of the parts, in their order

const me = await start();
const number = Number(new URLSearchParams(location.search).get('a'));
const outbox = new Outbox(number, (waiting, trouble) => showFoot('parts', waiting, trouble));
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
let spread = false; // dragging the photo
let free = false; // drawing with the button held
const scratch = document.createElement('canvas');
const view = new PhotoView(byId('photo'), work, paint);
const vertices = new Vertices(view, drawing);
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
  drawing.paint(photo, draw, me.parts, alpha, scratch);
  frame(photo, draw, work.box);
  const chosen = vertices.shape();
  for (const shape of drawing.shapes) {
    if (shape.tool !== 'polygon' || !shape.part) continue;
    draw.strokeStyle = colour(me.parts[shape.part - 1], 1);
    draw.lineWidth = shape === chosen ? 2.5 : 1.2;
    draw.stroke(path(photo, shape.points, true));
    if (tool === 'edit' && shape === chosen) dots(photo, draw, shape.points);
  }
  if (line.length) paintLine(draw);
  else if (pointer && (tool === 'brush' || tool === 'erase')) {
    ring(draw, photo.toScreen(...pointer), (width / 2) * photo.scale);
  }
}

/** What is being drawn. @param {CanvasRenderingContext2D} draw */
function paintLine(draw) {
  draw.strokeStyle = tool === 'erase' ? '#fff' : colour(me.parts[part - 1], 1);
  if (tool === 'polygon') {
    const open = pointer && !free ? [...line, pointer] : line;
    draw.fillStyle = colour(me.parts[part - 1], 0.35);
    draw.fill(path(view, open, true), 'evenodd');
    draw.lineWidth = 2;
    draw.stroke(path(view, open, false));
    dots(view, draw, free ? [line[0]] : line);
  } else {
    draw.globalAlpha = 0.6;
    draw.lineCap = draw.lineJoin = 'round';
    brush(view, draw, line, width);
    draw.globalAlpha = 1;
  }
}

/** Show part list, tools, figure. */
function show() {
  const drawn = drawing.parts();
  fill(byId('tools'),
    ...toolButtons(tool, setTool),
    make('button', { title: 'Undo (Ctrl+Z)', disabled: !undoable[0], onclick: () => { void back('undo'); } }, 'Undo'),
    make('button', { title: 'Redo (Ctrl+Y)', disabled: !undoable[1], onclick: () => { void back('redo'); } }, 'Redo'),
    !drawing.shapes.length && make('button', { class: 'wide', title: 'Let the model propose outlines (A)',
      onclick: () => { void assist(); } }, 'Propose outlines', make('kbd', {}, 'A')));
  fill(byId('parts'), ...me.parts.map((p, k) => partItem(p, LETTERS[k], p.number === part, drawn.has(p.number),
    status[p.number], () => choose(p.number))));
  fill(byId('finish'),
    make('div', { class: 'row' },
      make('button', { title: 'This part cannot be seen (N)', onclick: () => setStatus('hidden') }, 'Not visible',
        make('kbd', {}, 'N')),
      make('button', { title: 'I am not sure about this part (U)', onclick: () => setStatus('unsure') }, 'Unsure',
        make('kbd', {}, 'U'))),
    make('div', { class: 'row' },
      make('button', { class: 'quiet', onclick: () => { void skip(); } }, 'Skip person'),
      make('button', { class: 'main', title: 'Ctrl+Enter', onclick: () => { void done(); } }, 'Next: points')));
  showNote(work.state);
  showFigure(part, drawn);
  view.redraw();
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
  if (name !== 'edit') vertices.chosen = '';
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
  const points = line.map(rounded);
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

/**
 * @param {number} x screen
 * @param {number} y
 */
function press(x, y) {
  const at = view.toPhoto(x, y);
  if (tool === 'edit') {
    const other = vertices.grab(x, y);
    if (other) part = other.part;
    show();
  } else if (tool === 'polygon') {
    if (line.length > 2 && near(view, [line[0]], x, y) === 0) close();
    else line.push(at);
  } else line = [at];
  free = true;
  view.redraw();
}

/**
 * @param {number} x
 * @param {number} y
 */
function drag(x, y) {
  const at = view.toPhoto(x, y);
  if (vertices.held) vertices.drag(at);
  else if (line.length && free) {
    const [lx, ly] = view.toScreen(...line[line.length - 1]);
    if (Math.hypot(lx - x, ly - y) > (tool === 'polygon' ? 7 : 2)) line.push(at);
  }
}

function release() {
  if (vertices.held) {
    const shape = vertices.release();
    if (shape) void act('reshape', { shape: shape.key, points: shape.points });
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
  const shape = vertices.shape();
  if (tool === 'edit' && shape) {
    drawing.remove(shape.key);
    void act('remove', { shape: shape.key });
    vertices.chosen = '';
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
  const known = TOOLS.find((t) => t[1].toLowerCase() === key);
  if (known) setTool(known[0]);
  else if (LETTERS.includes(key) && key.length === 1) choose(LETTERS.indexOf(key) + 1);
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
  else if (key === 'Escape') { line = []; vertices.chosen = ''; show(); }
  else if (key === 'Backspace' || key === 'Delete') removeChosen();
  else if (key === 'c') crosshairClick();
  else if (key === ' ') spaceHeld = true;
  else if (key in ARROWS) moveCrosshair(ARROWS[key][0] * step, ARROWS[key][1] * step);
  else if (key === '?') keyHelp(KEYS.parts);
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

showFoot('parts', 0, false);
view.canvas.dataset.tool = tool;
document.body.dataset.ready = 'yes';
