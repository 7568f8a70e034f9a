// A server with links of every kind, and the pages that they have.
import { Server } from './server.mjs';
import { LONG, MARKUP, RIGHT_TO_LEFT } from './seed.mjs';

export const WORD = 'open sesame';

// `storage` is the id of a storage; `links` holds addresses by name, without the server.
export async function shared() {
  const server = await Server.start();
  const storage = (await server.call('POST', '/storages', { name: 'Reports of the house', provider: 'builtin' })).id;
  const files = ['reports/january.pdf', 'reports/february.pdf', 'reports/2027/q1/summary & plan.txt', `reports/${'long-'.repeat(30)}name.txt`, `reports/${RIGHT_TO_LEFT}.txt`, 'in/secret plan.txt'];
  for (const file of files) await server.put(storage, file, Buffer.from(`This is ${file}.`));
  const links = {};
  const link = async (key, more) => {
    const { link: record, url } = await server.call('POST', '/share-links', { storage, permission: 'read', ...more });
    links[key] = { id: record.id, path: new URL(url).pathname };
  };
  await link('file', { name: 'The numbers of January', file: 'reports/january.pdf', max_downloads: 100_000, expires_at: '2099-01-01T00:00:00Z' });
  await link('folder', { name: 'Reports', folder: 'reports/' });
  await link('empty', { name: LONG, folder: 'nothing/' });
  await link('markup', { name: MARKUP, folder: 'reports/2027/' });
  await link('locked', { name: 'Behind a word', folder: 'reports/', password: WORD });
  await link('box', { name: RIGHT_TO_LEFT, folder: 'in/', permission: 'write', expires_at: '2099-01-01T00:00:00Z' });
  return Object.assign(server, { storage, links });
}

// Every page about links, public or not.
export function linkPages(server) {
  const { links, storage } = server;
  const at = ({ path }, more = '') => ({ path: `${path}${more}`, signedOut: true });
  const all = [
    { name: 'link-nothing', path: '/s/nothing', signedOut: true },
    { name: 'link-file', ...at(links.file) },
    { name: 'link-folder', ...at(links.folder) },
    { name: 'link-folder-deeper', ...at(links.folder, '?folder=2027%2Fq1%2F') },
    { name: 'link-folder-empty', ...at(links.empty) },
    { name: 'link-folder-markup', ...at(links.markup) },
    { name: 'link-locked', ...at(links.locked) },
    { name: 'link-locked-wrong', ...at(links.locked), open: openWrongly },
    { name: 'link-box', ...at(links.box) },
    { name: 'link-box-received', ...at(links.box, '?received=3') },
    { name: 'links', path: `/connections/${storage}#links` },
    { name: 'link-new', path: `/connections/${storage}/links/new` },
    { name: 'link-new-wrong', path: `/connections/${storage}/links/new`, open: makeWrongly },
    { name: 'link-made', path: `/connections/${storage}/links/new`, open: (page) => make(page, { name: 'One more', kind: 'folder', target: 'reports' }) },
    { name: 'link-end', path: `/connections/${storage}/links/${links.folder.id}/end` },
  ];
  return all.map((one) => ({ server, ...one }));
}

async function openWrongly(page) {
  await page.fill('#password', 'not the word');
  await Promise.all([page.waitForEvent('load'), page.click('button[type=submit]')]);
  await page.waitForSelector('[role=alert]');
}

async function makeWrongly(page) {
  await page.fill('#f-networks', '10.0.0.0/99');
  await page.fill('#f-max_downloads', 'many');
  await Promise.all([page.waitForEvent('load'), page.click('#new-link button.primary')]);
  await page.waitForSelector('#faults');
}

// Fills the form for a link in and sends it; ends on the page with the address.
export async function make(page, { name, kind, target, password }) {
  await page.fill('#f-name', name);
  await page.check(`input[name=kind][value=${kind}]`, { force: true });
  await page.fill('#f-target', target);
  if (password) {
    await page.check('input[name=asks]', { force: true });
    await page.fill('#f-password', password);
  }
  await Promise.all([page.waitForEvent('load'), page.click('#new-link button.primary')]);
  await page.waitForSelector('#v-url');
}
