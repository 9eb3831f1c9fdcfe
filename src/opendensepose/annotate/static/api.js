// Talking to the server: who is signed in, requests, and an outbox that keeps every action until it is stored.

import { fill, make, toast } from './dom.js';

/**
 * @typedef {{number: number, name: string, colour: [number, number, number]}} Part
 * @typedef {{id: number, name: string, role: string, csrf: string, parts: Part[]}} Me
 * @typedef {{key: string, part: number, tool: 'polygon' | 'brush' | 'mask', points: [number, number][],
 *            width: number, rle?: {size: [number, number], counts: string | number[]}}} Shape
 * @typedef {{number: number, part: number, x: number, y: number}} Point
 * @typedef {{face: number, bary: number[], chart: number, u: number, v: number, view: number | null}} Placed
 * @typedef {{stage: string, returned: boolean, note: string, shapes: Shape[], status: Record<string, string>,
 *            points: Point[], placed: Record<string, Placed>, left_out: number[], assisted: boolean,
 *            seconds: Record<string, number>, undoable: Record<string, [number, number]>}} State
 * @typedef {{id: number, own: boolean, box: [number, number, number, number],
 *            crop: {x: number, y: number, width: number, height: number}, tile: number, levels: number,
 *            state: State}} Work
 * @typedef {[number, number, boolean]} Spot
 * @typedef {{views: Spot[], turntable: Spot[]}} Places
 * @typedef {{stored: number, new: boolean, state?: State, placed?: Placed, places?: Places}} Answer
 */

/** A request that the server answered with "no". */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

let csrf = '';

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function request(path, options = {}) {
  const response = await fetch(path, { credentials: 'same-origin', ...options });
  if (response.ok) return response.json();
  let detail = response.statusText;
  try {
    detail = (await response.json()).detail || detail;
  } catch { /* not ours: a proxy's page */ }
  throw new Refused(response.status, detail);
}

/** @param {string} path */
export const get = (path) => request(path);

/**
 * @param {string} path
 * @param {unknown} [body]
 */
export const post = (path, body = {}) =>
  request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf },
    body: JSON.stringify(body),
  });

/**
 * Send a file as it is.
 * @param {string} path
 * @param {Blob} file
 */
export const upload = (path, file) =>
  request(path, { method: 'POST', headers: { 'X-CSRF-Token': csrf, 'Content-Type': 'application/octet-stream' },
    body: file });

/** Who is signed in; goes to the first page to sign in if nobody is. @returns {Promise<Me>} */
export async function start() {
  try {
    /** @type {Me} */
    const me = await get('/api/me');
    csrf = me.csrf;
    frame(me);
    return me;
  } catch (error) {
    if (error instanceof Refused && error.status === 401 && location.pathname !== '/') location.assign('/');
    throw error;
  }
}

/** The bar on top of every page. @param {Me} me */
function frame(me) {
  const bar = document.querySelector('header.bar nav');
  if (!bar) return;
  const pages = [['/', 'Home', 'annotator'], ['/guide.html', 'Guide', 'annotator'],
    ['/review.html', 'Review', 'reviewer'], ['/dashboard.html', 'Dashboard', 'reviewer'],
    ['/admin.html', 'Project', 'admin']];
  const rank = ['annotator', 'reviewer', 'admin'];
  fill(bar, ...pages.filter((p) => rank.indexOf(me.role) >= rank.indexOf(p[2])).map(([path, name]) =>
    make('a', { href: path, class: location.pathname === path ? 'here' : '' }, name)),
    make('span', { class: 'who', title: me.role }, me.name),
    make('button', { class: 'quiet', onclick: () => { void leave(); } }, 'Sign out'));
}

async function leave() {
  await post('/api/logout');
  location.assign('/');
}

/** Sign in with a secret. @param {string} token */
export const login = (token) => post('/api/login', { token });

/** A number that nobody else has; `crypto.randomUUID` is missing on pages without encryption. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Time in which somebody was at work: gaps of more than half a minute without input do not count. */
class Stopwatch {
  constructor() {
    this.last = performance.now();
    this.active = 0;
    for (const kind of ['pointermove', 'pointerdown', 'keydown', 'wheel']) {
      window.addEventListener(kind, () => this.tick(), { passive: true, capture: true });
    }
  }

  tick() {
    const now = performance.now();
    if (now - this.last < 30000) this.active += now - this.last;
    this.last = now;
  }

  /** Seconds since the last call. */
  take() {
    this.tick();
    const seconds = this.active / 1000;
    this.active = 0;
    return Math.min(Math.round(seconds * 1000) / 1000, 3600);
  }
}

/**
 * Sends actions one after the other. An action stays in the browser's own storage until the server says that
 * it is stored, so neither a lost connection nor a closed page loses it.
 */
export class Outbox {
  /**
   * @param {number} assignment
   * @param {(waiting: number, trouble: boolean) => void} show called when the number of unsent actions changes
   */
  constructor(assignment, show) {
    this.path = `/api/assignments/${assignment}/events`;
    this.store = `odp-outbox-${assignment}`;
    this.show = show;
    this.clock = new Stopwatch();
    /** @type {{event: Record<string, unknown>, done?: (a: Answer) => void, failed?: (e: unknown) => void}[]} */
    this.waiting = JSON.parse(localStorage.getItem(this.store) || '[]').map(
      (/** @type {Record<string, unknown>} */ event) => ({ event }));
    this.sending = false;
    window.addEventListener('beforeunload', (event) => {
      if (this.waiting.length) event.preventDefault();
    });
  }

  /** Send what a closed page left behind. */
  async flush() {
    await this.pump();
  }

  /**
   * @param {string} kind
   * @param {Record<string, unknown>} [fields]
   * @param {string} [key]
   * @returns {Promise<Answer>}
   */
  send(kind, fields = {}, key = newKey()) {
    const event = { kind, key, seconds: this.clock.take(), ...fields };
    return new Promise((done, failed) => {
      this.waiting.push({ event, done, failed });
      this.keep();
      void this.pump();
    });
  }

  keep() {
    localStorage.setItem(this.store, JSON.stringify(this.waiting.map((entry) => entry.event)));
    if (!this.waiting.length) localStorage.removeItem(this.store);
    this.show(this.waiting.length, false);
  }

  async pump() {
    if (this.sending) return;
    this.sending = true;
    let pause = 500;
    while (this.waiting.length) {
      const entry = this.waiting[0];
      try {
        const answer = await post(this.path, entry.event);
        this.waiting.shift();
        this.keep();
        pause = 500;
        entry.done?.(answer);
      } catch (error) {
        if (error instanceof Refused && error.status < 500 && error.status !== 401) {
          this.waiting.shift(); // it will never be accepted
          this.keep();
          if (entry.failed) entry.failed(error);
          else toast(error.message, 'bad');
        } else {
          this.show(this.waiting.length, true);
          await new Promise((wake) => setTimeout(wake, pause));
          pause = Math.min(pause * 2, 8000);
        }
      }
    }
    this.sending = false;
  }

  /** A key for an action that the caller wants to know before it is sent. */
  static key() {
    return newKey();
  }
}
