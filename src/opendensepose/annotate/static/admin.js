// The project: its people and their tokens, photos and boxes, and the annotations out of it.

import { get, post, Refused, start, upload } from './api.js';
import { byId, context, fill, make, toast } from './dom.js';

/**
 * @typedef {{id: number, name: string, role: string}} User
 * @typedef {{id: number, box: [number, number, number, number]}} Boxed
 * @typedef {{id: number, name: string, width: number, height: number, people: Boxed[]}} Photo
 */

await start();
let page = 0;
const users = make('section', { class: 'card' });
const photos = make('section', { class: 'card' });
fill(byId('main'), make('section', { class: 'card hero' },
  make('div', {}, make('h1', {}, 'Project'), make('p', {}, 'The annotations as DensePose-COCO JSON, as the official tools and ',
    make('code', {}, 'densepose train'), ' read them. Photos and annotations together: ', make('code', {}, 'densepose annotate --export DIR'), '.')),
  make('div', { class: 'row' }, make('a', { class: 'button main', href: '/api/export', download: 'annotations.json' }, 'Export what is handed in'),
    make('a', { class: 'button', href: '/api/export?accepted=true', download: 'annotations.json' }, 'Export what is accepted'))), users, photos);
await showUsers();
await showPhotos();
document.body.dataset.ready = 'yes';

/**
 * @param {() => Promise<void>} task
 */
async function attempt(task) {
  try {
    await task();
  } catch (error) {
    toast(error instanceof Refused ? error.message : String(error), 'bad');
  }
}

/** @param {string} [token] of a user who was just added */
async function showUsers(token, name = '') {
  /** @type {User[]} */
  const rows = (await get('/api/users')).users;
  const field = make('input', { placeholder: 'name', maxlength: 64, required: true, 'aria-label': 'name', name: 'name' });
  const role = make('select', { 'aria-label': 'role', name: 'role' }, ...['annotator', 'reviewer', 'admin'].map((r) => make('option', {}, r)));
  const form = make('form', { class: 'row', onsubmit: (event) => {
    event.preventDefault();
    void attempt(async () => {
      const made = await post('/api/users', { name: field.value.trim(), role: role.value });
      await showUsers(made.token, field.value.trim());
    });
  } }, field, role, make('button', { class: 'main' }, 'Add'));
  fill(users, make('h2', {}, 'People who work here'),
    token && make('div', { class: 'note good', id: 'token' }, `${name} signs in with this address. It is shown only now: `,
      make('code', {}, `${location.origin}/#${token}`)),
    make('table', {}, make('thead', {}, make('tr', {}, ...['Name', 'Role', ''].map((t) => make('th', {}, t)))),
      make('tbody', {}, ...rows.map((u) => make('tr', {}, make('td', {}, u.name), make('td', {}, make('span', { class: 'tag' }, u.role)),
        make('td', { class: 'n' }, make('button', { class: 'quiet', onclick: () => { void attempt(async () => {
          await showUsers((await post(`/api/users/${u.id}/tokens`)).token, u.name);
        }); } }, 'New token')))))), form);
}

async function showPhotos() {
  /** @type {{photos: Photo[], total: number, page: number, size: number}} */
  const found = await get(`/api/photos?page=${page}`);
  const pages = Math.max(1, Math.ceil(found.total / found.size));
  const file = make('input', { type: 'file', accept: 'image/*', multiple: true, 'aria-label': 'photos to add', onchange: () => { void add(file); } });
  fill(photos, make('div', { class: 'row between' }, make('h2', {}, `${found.total} photos`),
    make('label', { class: 'row' }, 'Add photos', file)),
    make('p', { class: 'lead' }, 'Drag on a photo to add a person; the cross takes a person out of the queue.'),
    make('div', { class: 'photos' }, ...found.photos.map(card)),
    pages > 1 && make('div', { class: 'row' }, make('button', { disabled: page === 0, onclick: () => { page--; void showPhotos(); } }, 'Back'),
      `page ${page + 1} of ${pages}`, make('button', { disabled: page + 1 >= pages, onclick: () => { page++; void showPhotos(); } }, 'On')));
}

/** @param {HTMLInputElement} file */
async function add(file) {
  for (const one of file.files || []) {
    await attempt(async () => {
      await send(one);
    });
  }
  await showPhotos();
}

/** @param {File} file */
function send(file) {
  return upload(`/api/photos?name=${encodeURIComponent(file.name)}`, file);
}

/** @param {Photo} photo */
function card(photo) {
  const canvas = make('canvas', { 'aria-label': `boxes of photo ${photo.id}` });
  const image = make('img', { src: `/api/photos/${photo.id}/preview`, alt: '', draggable: 'false' });
  const place = make('div', { class: 'boxes' }, image, canvas);
  /** @type {[number, number] | null} */
  let from = null;
  /** @type {[number, number]} */
  let to = [0, 0];
  const scale = () => photo.width / (canvas.clientWidth || 1);
  const paint = () => {
    canvas.width = canvas.clientWidth;
    canvas.height = canvas.clientHeight;
    const draw = context(canvas);
    draw.lineWidth = 2;
    draw.strokeStyle = '#ffd23e';
    draw.shadowColor = '#000';
    draw.shadowBlur = 3;
    for (const { box: [x0, y0, x1, y1] } of photo.people) draw.strokeRect(x0 / scale(), y0 / scale(), (x1 - x0) / scale(), (y1 - y0) / scale());
    if (from) draw.strokeRect(from[0], from[1], to[0] - from[0], to[1] - from[1]);
    for (const cross of place.querySelectorAll('button')) cross.remove();
    for (const person of photo.people) place.append(cross(person));
  };
  const cross = (/** @type {Boxed} */ person) => {
    const button = make('button', { class: 'cross', title: 'take this person out of the queue', onclick: () => { void attempt(async () => {
      await post(`/api/people/${person.id}/withdraw`);
      photo.people = photo.people.filter((p) => p !== person);
      paint();
    }); } }, '×');
    button.style.left = `${person.box[2] / scale() - 22}px`;
    button.style.top = `${person.box[1] / scale() + 3}px`;
    return button;
  };
  image.addEventListener('load', paint);
  new ResizeObserver(paint).observe(image);
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = to = [event.offsetX, event.offsetY];
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!from) return;
    to = [event.offsetX, event.offsetY];
    paint();
  });
  canvas.addEventListener('pointerup', () => {
    if (!from) return;
    const [x0, x1] = [from[0], to[0]].sort((a, b) => a - b);
    const [y0, y1] = [from[1], to[1]].sort((a, b) => a - b);
    from = null;
    if (x1 - x0 > 5 && y1 - y0 > 5) {
      void attempt(async () => {
        photo.people.push(await post(`/api/photos/${photo.id}/people`, { box: [x0, y0, x1, y1].map((v) => v * scale()) }));
        paint();
      });
    }
    paint();
  });
  return make('figure', { class: 'photo-card' }, place,
    make('figcaption', {}, `${photo.name} · ${photo.width} × ${photo.height} · ${photo.people.length} people`));
}
