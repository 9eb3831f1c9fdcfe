// The first page: sign in, then the work to do.

import { get, login, post, Refused, start } from './api.js';
import { byId, fill, make, toast } from './dom.js';

const main = byId('main');
const WORDS = { parts: 'outlines', points: 'points', submitted: 'handed in', accepted: 'accepted', skipped: 'skipped' };

if (location.hash.length > 10) {
  try {
    await login(decodeURIComponent(location.hash.slice(1)));
  } catch { /* asked again below */ }
  history.replaceState(null, '', location.pathname);
}
try {
  await home(await start());
} catch (error) {
  if (!(error instanceof Refused) || error.status !== 401) throw error;
  signIn();
}
document.body.dataset.ready = 'yes';

function signIn() {
  const field = make('input', { type: 'password', name: 'token', autocomplete: 'current-password', required: true,
    'aria-label': 'token', placeholder: 'your token' });
  const form = make('form', { class: 'card sign-in', onsubmit: (event) => { event.preventDefault(); void enter(field); } },
    make('h1', {}, 'Sign in'),
    make('p', {}, 'Use the token that the project’s admin gave you, or the address that ',
      make('code', {}, 'densepose annotate'), ' printed.'),
    field, make('button', { class: 'main' }, 'Sign in'));
  fill(main, form);
  field.focus();
}

/** @param {HTMLInputElement} field */
async function enter(field) {
  try {
    await login(field.value.trim());
    location.assign('/');
  } catch (error) {
    toast(error instanceof Refused ? error.message : String(error), 'bad');
    field.select();
  }
}

/** @param {import('./api.js').Me} me */
async function home(me) {
  /** @type {{assignments: {id: number, stage: string, returned: boolean, last: number}[]}} */
  const work = await get('/api/work');
  const open = work.assignments.filter((a) => a.stage === 'parts' || a.stage === 'points');
  const done = work.assignments.filter((a) => a.stage === 'submitted' || a.stage === 'accepted');
  const again = open.filter((a) => a.returned);
  const goOn = make('button', { class: 'main big', id: 'next', onclick: () => { void next(); } },
    open.length ? 'Go on where you were' : 'Annotate the next person');
  fill(main,
    new URLSearchParams(location.search).has('done') && make('div', { class: 'note good' }, 'Handed in. Thank you!'),
    again.length > 0 && make('div', { class: 'note' }, `${again.length} sent back by a reviewer, with a note`),
    make('section', { class: 'card hero' },
      make('div', {}, make('h1', {}, `Hello ${me.name}`),
        make('p', {}, 'You outline the body parts of one person, then say where some points lie on the body. ',
          'That takes a few minutes; everything is saved as you go.'),
        make('div', { class: 'row' }, goOn, make('a', { href: '/guide.html' }, 'How it is done'))),
      make('div', { class: 'figures' }, number(done.length, 'people done'), number(open.length, 'begun'))),
    work.assignments.length > 0 && make('section', { class: 'card' }, make('h2', {}, 'Your people'),
      make('table', {}, make('thead', {}, make('tr', {}, ...['', 'Person', 'State', 'Last change'].map((t) => make('th', {}, t)))),
        make('tbody', {}, ...[...work.assignments].reverse().map(row)))));
  window.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && document.activeElement === document.body) void next();
  });
}

/**
 * @param {number} value
 * @param {string} text
 */
function number(value, text) {
  return make('div', { class: 'number' }, make('b', {}, value), text);
}

/** @param {{id: number, stage: string, returned: boolean, last: number}} a */
function row(a) {
  const open = a.stage === 'parts' || a.stage === 'points';
  const image = make('img', { class: 'thumb', src: `/api/assignments/${a.id}/thumb`, alt: '', loading: 'lazy' });
  const word = a.returned ? 'sent back' : WORDS[/** @type {keyof WORDS} */ (a.stage)] || a.stage;
  const name = `person ${a.id}`;
  return make('tr', {}, make('td', {}, image),
    make('td', {}, open ? make('a', { href: `/${a.stage}.html?a=${a.id}` }, name) : name),
    make('td', {}, make('span', { class: `tag ${a.returned ? 'returned' : a.stage}` }, word)),
    make('td', {}, new Date(a.last * 1000).toLocaleString()));
}

async function next() {
  const { assignment } = await post('/api/next');
  if (!assignment) {
    toast('Nothing left to annotate just now. Thank you!');
    return;
  }
  const work = await get(`/api/assignments/${assignment}`);
  location.assign(`/${work.state.stage === 'points' ? 'points' : 'parts'}.html?a=${assignment}`);
}
