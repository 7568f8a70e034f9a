// Links: made in the panel, opened by somebody who has nothing but the address.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { WORD, make } from '../harness/links.mjs';
import { tabTo } from '../harness/keyboard.mjs';

const text = async (download) => fs.readFileSync(await download.path(), 'utf8');

// What a click on this brings down.
async function download(page, selector) {
  const [coming] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
  return coming;
}

const stranger = (world, server, use, options = {}) => world.visit(server, { ...options, signedOut: true }, use);

export default {
  async a_link_is_made_and_opened_by_somebody_else(world) {
    const server = await world.shared();
    const address = await world.visit(server, { clipboard: true }, async (page) => {
      await page.goto(`/connections/${server.storage}`);
      await page.click('#links header a');
      await make(page, { name: 'For the auditors', kind: 'file', target: 'reports/january.pdf' });
      await page.click('#made [data-copy]');
      await page.waitForSelector('#made [data-copied]');
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.equal(copied, await page.textContent('#v-url'));
      await Promise.all([page.waitForEvent('load'), page.click('#continue')]);
      assert.match(await page.textContent('#links'), /For the auditors/);
      assert.ok(!(await page.content()).includes(copied), 'the address is shown once');
      return copied;
    });
    await stranger(world, server, async (page) => {
      await page.goto(address);
      assert.equal(await page.textContent('h1'), 'For the auditors');
      const file = await download(page, 'main a.primary');
      assert.equal(file.suggestedFilename(), 'january.pdf');
      assert.equal(await text(file), 'This is reports/january.pdf.');
      assert.equal((await page.context().cookies()).length, 0, 'a visitor is remembered by nothing');
    });
    const { items } = await server.call('GET', `/share-links?search=auditors`);
    assert.equal(items[0].downloads, 1);
  },

  async a_folder_is_walked_through_without_a_script(world) {
    const server = await world.shared();
    await stranger(world, server, async (page) => {
      await page.goto(server.links.folder.path);
      await page.click('#files a:has-text("2027/")');
      await page.click('#files a:has-text("q1/")');
      const file = await download(page, '#files a');
      assert.equal(file.suggestedFilename(), 'summary & plan.txt');
      await page.click('nav a');
      assert.match(await page.textContent('#files'), /january\.pdf/);
    }, { js: false });
  },

  async a_password_is_typed_once_by_keyboard(world) {
    const server = await world.shared();
    await stranger(world, server, async (page) => {
      await page.goto(server.links.locked.path);
      assert.ok(!(await page.content()).includes('Behind a word'), 'nothing is told before');
      await page.keyboard.type('not the word');
      await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
      assert.ok(await page.locator('[role=alert]').isVisible());
      await page.keyboard.type(WORD);
      await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
      assert.equal(await page.textContent('h1'), 'Behind a word');
      await tabTo(page, '#files a');
      await page.goto(server.links.locked.path);
      assert.equal(await page.textContent('h1'), 'Behind a word', 'it is asked for once');
      const [cookie] = await page.context().cookies(new URL(server.links.locked.path, server.web).href);
      assert.deepEqual([cookie.path, cookie.httpOnly, cookie.sameSite], [server.links.locked.path, true, 'Strict']);
      await page.goto(server.links.folder.path);
      assert.equal((await page.context().cookies(page.url())).length, 0, 'it goes to no other link');
    });
  },

  async files_are_dropped_and_nothing_is_seen(world) {
    const server = await world.shared();
    const send = async (page, ...names) => {
      await page.setInputFiles('#files', names.map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`sent as ${name}`) })));
      await Promise.all([page.waitForEvent('load'), page.click('button[type=submit]')]);
    };
    await stranger(world, server, async (page) => {
      await page.goto(server.links.box.path);
      assert.ok(!(await page.content()).includes('secret'));
      await send(page, 'one.txt', 'two "2".txt');
      assert.equal(await page.textContent('#received span'), '2 files have arrived.');
      await send(page, 'secret plan.txt');
      assert.equal(await page.textContent('#received span'), '1 file has arrived.');
    });
    const { items } = await server.call('GET', `/storages/${server.storage}/files?prefix=in/`);
    assert.deepEqual(items.map(({ key, size }) => [key, size]), [['in/one.txt', 15], ['in/secret plan.txt', 27], ['in/two "2".txt', 19]]);
  },

  async an_ended_link_leads_nowhere(world) {
    const server = await world.shared();
    const given = { storage: server.storage, name: 'Short-lived', folder: '', permission: 'read' };
    const { url } = await server.call('POST', '/share-links', given);
    await world.visit(server, {}, async (page) => {
      await page.goto(`/connections/${server.storage}`);
      await page.click('#links [aria-label="End the link Short-lived"]');
      await Promise.all([page.waitForEvent('load'), page.click('main button.danger')]);
      assert.ok(!(await page.textContent('#links')).includes('Short-lived'));
    });
    await stranger(world, server, async (page) => {
      const answer = await page.goto(url);
      assert.equal(answer.status(), 404);
      assert.equal(await page.textContent('h1'), 'There is nothing here');
    });
  },
};
