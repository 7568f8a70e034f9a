// The list of connections.
import assert from 'node:assert/strict';
import { focused, go, tabTo, type } from '../harness/keyboard.mjs';

const rows = (page) => page.locator('#list tbody tr');
const names = (page) => page.locator('#list tbody tr td:first-child a').allTextContents();

export default {
  async search_is_live_and_stands_in_the_address(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      assert.ok((await rows(page).count()) >= Object.keys(server.seed).length);
      let loads = 0;
      page.on('load', () => (loads += 1));
      await page.focus('input[name=q]');
      await page.keyboard.type('nas b');
      await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 1);
      assert.deepEqual(await names(page), ['NAS backup']);
      assert.equal(await page.evaluate(() => document.activeElement.name), 'q', 'typing goes on');
      assert.equal(await page.inputValue('input[name=q]'), 'nas b');
      assert.equal(new URL(page.url()).searchParams.get('q'), 'nas b');
      assert.equal(loads, 0, 'no page was loaded');
      await page.reload();
      assert.deepEqual(await names(page), ['NAS backup']);
      await type(page, '');
      await page.fill('input[name=q]', server.seed.Invoices.keys[0].access_key);
      await page.waitForFunction(() => document.querySelector('#list tbody tr')?.textContent.includes('Invoices'));
      await page.fill('input[name=q]', 'no such thing');
      await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 0);
      assert.match(await page.locator('#list').textContent(), /no such thing/);
    });
  },

  async what_was_typed_last_wins(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      // The first answer is held back until the second one was shown.
      let release;
      const held = new Promise((resolve) => (release = resolve));
      await page.route(/q=n(&|$)/, async (route) => {
        await held;
        await route.continue().catch(() => {});
      });
      await page.fill('input[name=q]', 'n');
      await page.waitForRequest(/q=n(&|$)/);
      await page.fill('input[name=q]', 'invoices');
      await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 1);
      release();
      await page.unrouteAll({ behavior: 'wait' });
      assert.deepEqual(await names(page), ['Invoices']);
    });
  },

  async sorting_says_so_and_survives_the_back_button(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      const heads = page.locator('#list th[aria-sort]');
      const sorted = () => heads.evaluateAll((all) => all.map((th) => `${th.textContent.trim()} ${th.getAttribute('aria-sort')}`));
      assert.deepEqual(await sorted(), ['Name ascending']);
      const before = await names(page);
      await page.locator('#list th a', { hasText: 'Storage Space' }).click();
      await page.waitForURL(/sort=/);
      assert.match((await sorted())[0], /^Storage Space (a|de)scending$/);
      assert.notDeepEqual(await names(page), before);
      await page.goBack();
      await page.waitForFunction(() => document.querySelector('#list th[aria-sort=ascending]')?.textContent.includes('Name'));
      assert.deepEqual(await names(page), before);
    });
  },

  async menus_and_dialogs_are_keyboard_operable(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      await tabTo(page, '#list tbody tr:nth-child(2) [data-menu]');
      const opener = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
      await page.keyboard.press('Enter');
      await page.waitForSelector('#menu:popover-open');
      assert.equal(await page.evaluate(() => document.getElementById('menu').contains(document.activeElement)), true, 'the focus is in the menu');
      const box = await page.locator('#menu').boundingBox();
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 1440 && box.y + box.height <= 1000, 'the menu can be seen');
      await page.keyboard.press('Escape');
      await page.waitForSelector('#menu', { state: 'hidden' });
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), opener, 'the focus is back on the button');
      // The help is a dialog in all but name: it opens, closes and gives the focus back by keyboard.
      await page.keyboard.press('?');
      await page.waitForSelector('#help:popover-open');
      await page.keyboard.press('Escape');
      await page.waitForSelector('#help', { state: 'hidden' });
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), opener, 'the focus is where it was');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#menu:popover-open');
      await go(page);
      assert.match(new URL(page.url()).pathname, /^\/connections\/[^/]+$/);
    });
  },

  async keys_of_the_keyboard_lead_on(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      await page.keyboard.press('/');
      assert.equal(await page.evaluate(() => document.activeElement.name), 'q');
      assert.equal(await page.inputValue('input[name=q]'), '', 'the key itself is not typed');
      await page.keyboard.type('n?');
      assert.equal(await page.inputValue('input[name=q]'), 'n?', 'in a field they are letters');
      await page.goto('/connections');
      await page.keyboard.press('?');
      await page.waitForSelector('#help:popover-open');
      await page.keyboard.press('Escape');
      await page.waitForSelector('#help', { state: 'hidden' });
      await go(page, 'n');
      assert.equal(new URL(page.url()).pathname, '/connections/new');
    });
  },

  async the_skip_link_leads_to_the_content(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      await page.keyboard.press('Tab');
      assert.match(await page.evaluate(() => document.activeElement.className), /skip-link/);
      await page.keyboard.press('Enter');
      assert.equal(await focused(page), 'main');
    });
  },

  async names_are_only_text(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      for (const name of Object.keys(server.seed)) assert.ok((await names(page)).includes(name), name);
      assert.equal(await page.locator('#list #x, #list td.named i').count(), 0);
    });
  },

  async a_server_that_is_gone_is_told(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page, complaints) => {
      await page.goto('/connections');
      const before = await names(page);
      await page.route(/q=/, (route) => route.abort('connectionrefused'));
      await page.fill('input[name=q]', 'nas');
      await page.waitForSelector('#toasts > *');
      assert.deepEqual(await names(page), before);
      // The browser's own words about the address that did not answer.
      complaints.splice(0, complaints.length, ...complaints.filter((text) => !/ERR_CONNECTION_REFUSED/.test(text)));
    });
  },
};
