// A connection's own page.
import assert from 'node:assert/strict';
import { focused, tabTo } from '../harness/keyboard.mjs';

let made = 0;

// A storage of its own for each test, with a key.
async function storage(server) {
  const at = await server.call('POST', '/storages', { name: `Details ${(made += 1)}`, provider: 'builtin' });
  const key = await server.call('POST', '/keys', { name: 'The key', channel: 's3', scope: { storage: at.id }, permission: 'read_write', networks: [] });
  return { id: at.id, path: `/connections/${at.id}`, key };
}

const networks = async (server, { id }) => (await server.call('GET', `/storages/${id}`)).networks.map(({ network }) => network);
const swapped = (page) => page.evaluate(() => new Promise((resolve) => document.addEventListener('portcullis:swap', () => resolve(), { once: true })));

// What a press of this button brings, without a new page.
async function press(page, selector) {
  const done = swapped(page);
  await page.click(selector);
  await done;
}

export default {
  async networks_are_edited_without_a_new_page(world) {
    const server = await world.filled();
    const one = await storage(server);
    await world.visit(server, {}, async (page) => {
      await page.goto(one.path);
      let loads = 0;
      page.on('load', () => (loads += 1));
      await page.check('#networks-listed', { force: true });
      await page.fill('#f-add', '203.0.113.77/24');
      await page.fill('#f-add-note', 'The office');
      await press(page, '#networks-add');
      assert.match(await page.locator('#networks').textContent(), /203\.0\.113\.0\/24/);
      assert.deepEqual(await networks(server, one), [], 'nothing is stored before it is saved');
      await page.fill('#f-add', '10.1.2.3/40');
      await press(page, '#networks-add');
      assert.ok(await page.locator('#e-add').isVisible());
      assert.equal(await focused(page), 'f-add', 'the field that is wrong has the focus');
      assert.equal(await page.inputValue('#f-add'), '10.1.2.3/40', 'what was typed is still there');
      await page.fill('#f-add', '');
      await press(page, '#networks button[value=mine]');
      await press(page, '#networks-save');
      assert.deepEqual((await networks(server, one)).sort(), ['127.0.0.1', '203.0.113.0/24']);
      assert.equal(loads, 0);
    });
  },

  async the_networks_editor_works_by_keyboard(world) {
    const server = await world.filled();
    const one = await storage(server);
    await world.visit(server, {}, async (page) => {
      await page.goto(one.path);
      await tabTo(page, '#networks input[name=mode]');
      await page.keyboard.press('ArrowRight');
      assert.equal(await focused(page), 'networks-listed');
      await tabTo(page, '#f-add');
      await page.keyboard.type('192.0.2.0/24\n198.51.100.4');
      await tabTo(page, '#networks-add');
      let done = swapped(page);
      await page.keyboard.press('Enter');
      await done;
      assert.equal(await page.locator('#networks .ip-list li').count(), 2);
      await tabTo(page, '#networks-remove-0');
      done = swapped(page);
      await page.keyboard.press('Space');
      await done;
      assert.equal(await page.locator('#networks .ip-list li').count(), 1);
      assert.equal(await page.evaluate(() => document.activeElement.closest('#networks') !== null), true, 'the focus stays in the editor');
      await tabTo(page, '#networks-save');
      done = swapped(page);
      await page.keyboard.press('Enter');
      await done;
      assert.equal((await networks(server, one)).length, 1);
    });
  },

  async a_permission_holds_at_once_and_says_so(world) {
    const server = await world.filled();
    const one = await storage(server);
    await world.visit(server, {}, async (page) => {
      await page.goto(one.path);
      await page.check('#permissions input[value=read]', { force: true });
      await page.click('#permissions button[type=submit]');
      await page.waitForSelector('#toasts > *');
      assert.equal((await server.call('GET', `/storages/${one.id}`)).permission, 'read');
      assert.equal(await page.locator('#permissions input[value=read]').isChecked(), true);
    });
  },

  async a_change_by_another_hand_is_not_overwritten(world) {
    const server = await world.filled();
    const one = await storage(server);
    await world.visit(server, {}, async (page) => {
      await page.goto(one.path);
      await server.call('PATCH', `/storages/${one.id}`, { permission: 'write' });
      await page.check('#permissions input[value=read]', { force: true });
      await page.click('#permissions button[type=submit]');
      await page.waitForSelector('[role=alert]');
      assert.equal((await server.call('GET', `/storages/${one.id}`)).permission, 'write');
    });
  },

  async the_access_key_is_shown_and_copied_and_the_secret_is_not(world) {
    const server = await world.filled();
    const one = await storage(server);
    await world.visit(server, { clipboard: true }, async (page) => {
      await page.goto(one.path);
      const { access_key } = one.key.key;
      const copied = [];
      for (const copier of await page.locator('[data-copy]:visible').all()) {
        await copier.click();
        await page.waitForFunction((button) => 'copied' in button.dataset, await copier.elementHandle());
        copied.push(await page.evaluate(() => navigator.clipboard.readText()));
      }
      assert.ok(copied.includes(access_key), copied.join(' | '));
      const html = await page.content();
      assert.ok(!html.includes(one.key.secret) && html.includes('YOUR_SECRET_KEY'));
    });
  },

  async a_key_is_only_deleted_when_it_was_confirmed(world) {
    const server = await world.filled();
    const one = await storage(server);
    await world.visit(server, {}, async (page) => {
      await page.goto(`${one.path}/keys/${one.key.key.id}/delete`);
      await page.click('button.danger[type=submit]', { force: true });
      assert.equal((await server.call('GET', `/keys/${one.key.key.id}`)).id, one.key.key.id);
      await page.check('#f-understood');
      await Promise.all([page.waitForURL(`**${one.path}**`), page.click('button.danger[type=submit]')]);
      await assert.rejects(server.call('GET', `/keys/${one.key.key.id}`), /404/);
    });
  },
};
