// The guide: the body with its parts in their colours.

import { start } from './api.js';
import { byId } from './dom.js';
import { figure } from './figure.js';

const me = await start();
const show = await figure(byId('figure'), me.parts, () => undefined);
show(0, new Set(me.parts.map((p) => p.number)));
document.body.dataset.ready = 'yes';
