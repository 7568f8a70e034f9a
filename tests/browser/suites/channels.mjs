// Keys of the channels with folders, from the form to the page of the key.
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
      const seen = async () => Promise.all(['#f-s3', '#f-creds', '#f-public_keys', '#f-secret'].map((one) => page.isVisible(one)));
      assert.deepEqual(await seen(), [true, false, false, false]);
      await page.check('input[name=channel][value=http]', { force: true });
      assert.deepEqual(await seen(), [false, true, false, false]);
      await page.check('input[name=channel][value=ftp]', { force: true });
      assert.deepEqual(await seen(), [false, true, true, false]);
      await page.check('input[name=creds][value=chosen]', { force: true });
      assert.deepEqual(await seen(), [false, true, true, true]);
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
