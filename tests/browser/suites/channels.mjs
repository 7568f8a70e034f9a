// Keys of the channels with user names, from the form to the page of the key.
import assert from 'node:assert/strict';
import { CHOSEN, SSH, choose, keysOf, review } from '../harness/channels.mjs';

const at = (page) => new URL(page.url()).pathname;
const storageOf = async (world) => {
  const server = await world.filled();
  return { server, storage: server.seed['Lab results'].id };
};

export default {
  async fields_come_with_the_channel(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/api-keys/new');
      const fields = ['#f-s3', 'label:has([name=kind][value=site])', '#f-creds', '#f-public_keys', '#f-mail', '#f-secret'];
      const seen = async () => (await Promise.all(fields.map((one) => page.isVisible(one)))).map(Number).join('');
      assert.equal(await seen(), '110000');
      for (const [channel, visible] of [['http', '001000'], ['ftp', '001100'], ['web-service', '001000'], ['email', '001010']]) {
        await page.check(`input[name=channel][value=${channel}]`, { force: true });
        assert.equal(await seen(), visible, channel);
      }
      await page.check('input[name=creds][value=chosen]', { force: true });
      assert.equal(await seen(), '001011');
    });
  },

  async a_chosen_secret_is_nowhere_in_the_browser(world) {
    const { server, storage } = await storageOf(world);
    for (const js of [true, false]) {
      await world.visit(server, { js }, async (page) => {
        await review(page, storage, { name: 'Scanner', channel: 'ftp' });
        const login = `own-${Date.now()}`;
        const kept = async () => `${await page.content()} ${page.url()} ${js ? await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state])) : ''}`;
        await choose(page, { login, secret: CHOSEN, again: 'not the same' });
        assert.equal(await page.locator('#e-secret_again').count(), 1);
        assert.equal(await page.inputValue('#f-login'), login);
        assert.equal(await page.inputValue('#f-secret'), '');
        assert.ok(!(await kept()).includes(CHOSEN));
        await choose(page, { secret: CHOSEN, keys: SSH });
        assert.equal(await page.locator('#chosen-secret').count(), 1);
        assert.equal((await page.locator('#v-ak').textContent()).trim(), login);
        assert.ok(!(await kept()).includes(CHOSEN));
      });
    }
  },

  async public_keys_are_added_and_removed_by_keyboard(world) {
    const { server, storage } = await storageOf(world);
    const { ftp } = await keysOf(server, storage);
    await world.visit(server, {}, async (page) => {
      await page.goto(`/connections/${storage}/keys/${ftp}`);
      const rows = () => page.locator('#public-keys .reading li').count();
      const before = await rows();
      await page.focus('#f-public_keys');
      await page.keyboard.type('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3r7mJmVnqvVqJ4kKq0w2xS8bGQ5nC2oP9XzYw1uTtR bob@desk');
      await page.keyboard.press('Tab');
      await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
      assert.equal(await rows(), before + 1);
      assert.match(await page.locator('#toasts').textContent(), /opens it/);
      const row = page.locator('#public-keys .reading li', { hasText: 'bob@desk' });
      assert.match(await row.textContent(), /SHA256:/);
      await row.locator('button').focus();
      await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
      assert.equal(await rows(), before);
    });
  },

  async the_menu_of_a_key_leads_to_its_ip_whitelist(world) {
    const { server, storage } = await storageOf(world);
    const { mail } = await keysOf(server, storage);
    const own = `/connections/${storage}/keys/${mail}`;
    await world.visit(server, {}, async (page) => {
      await page.goto('/api-keys');
      await page.focus(`#list a[data-menu][href="${own}"]`);
      await page.keyboard.press('Enter');
      await page.waitForSelector('#menu:popover-open');
      const items = await page.locator('#menu a').allTextContents();
      assert.deepEqual(items.map((item) => item.trim()), ['Edit…', 'Change credentials…', 'IP Whitelist…', 'Disable…', 'Delete…']);
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await Promise.all([page.waitForURL(`**${own}#networks`), page.keyboard.press('Enter')]);
      assert.equal(await page.textContent('#networks h2'), 'IP Whitelist');
      await page.check('#networks-listed', { force: true });
      await page.fill('#f-add', '198.51.100.0/24');
      await page.click('#networks-add');
      await page.waitForSelector('#networks .ip-list li');
      await page.click('#networks-save');
      await page.waitForSelector('#toasts .toast');
      assert.match(await page.textContent('#facts'), /198\.51\.100\.0\/24/);
    });
    // Without a script the same link leads to the key's page, where all of that is.
    await world.visit(server, { js: false }, async (page) => {
      await page.goto('/api-keys');
      await Promise.all([page.waitForEvent('load'), page.click(`#list a[data-menu][href="${own}"]`)]);
      assert.ok(await page.isVisible('#networks h2'));
    });
  },

  async mail_rules_are_changed_on_the_page_of_the_key(world) {
    const { server, storage } = await storageOf(world);
    const { mail } = await keysOf(server, storage);
    for (const js of [true, false]) {
      await world.visit(server, { js }, async (page) => {
        await page.goto(`/connections/${storage}/keys/${mail}`);
        const send = () => Promise.all([page.waitForEvent('load'), page.click('#mail footer button')]);
        await page.fill('#mail #f-per_hour', 'many');
        await send();
        assert.equal(await page.getAttribute('#mail #f-per_hour', 'aria-invalid'), 'true');
        await page.fill('#mail #f-per_hour', '30');
        await send();
        assert.match(await page.textContent('#toasts'), /mail rules are saved/);
        assert.equal(await page.inputValue('#mail #f-per_hour'), '30');
      });
    }
    const { items } = await server.call('GET', '/keys?channel=email');
    assert.equal(items.find((key) => key.id === mail).mail.per_hour, 30);
  },

  async the_list_is_filtered_by_channel(world) {
    const server = await world.tenants();
    await world.visit(server, {}, async (page) => {
      await page.goto('/api-keys');
      await page.selectOption('select[name=channel]', 'rest');
      await page.waitForURL('**channel=rest**');
      const cells = await page.locator('#list tbody td[data-label=Channel]').allTextContents();
      assert.ok(cells.length > 0 && cells.every((cell) => cell.trim() === 'REST'), String(cells));
      assert.equal(at(page), '/api-keys');
    });
  },
};
