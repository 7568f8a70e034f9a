// Signing in and out.
import assert from 'node:assert/strict';
import { PASSWORD } from '../harness/server.mjs';
import { focused, go, tabTo, type } from '../harness/keyboard.mjs';

const at = (page) => new URL(page.url()).pathname;

async function signIn(page, password = PASSWORD) {
  await page.fill('#username', 'admin');
  await page.fill('#password', password);
  await page.click('button[type=submit]');
}

export default {
  async nobody_gets_in_without_signing_in(world) {
    const server = await world.filled();
    await world.visit(server, { signedOut: true }, async (page) => {
      await page.goto('/connections?q=nas');
      assert.equal(at(page), '/sign-in');
      assert.equal(await focused(page), 'username');
      await signIn(page, 'not the password');
      assert.equal(await page.getByRole('alert').count(), 1);
      assert.equal(await page.inputValue('#username'), 'admin');
      assert.equal(await page.inputValue('#password'), '');
      await signIn(page);
      assert.equal(page.url(), `${server.web}/connections?q=nas`, 'it leads to the page that was asked for');
    });
  },

  async session_end_leads_to_sign_in(world) {
    const server = await world.filled();
    await world.visit(server, { signedOut: true }, async (page) => {
      await page.goto('/connections');
      await signIn(page);
      await page.waitForURL('**/connections');
      // Somewhere else the session is ended: the next thing done here, live search included, comes to the sign-in page.
      const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'portcullis');
      await server.call('DELETE', '/sessions/current', undefined, cookie.value);
      await page.fill('input[name=q]', 'nas');
      await page.waitForURL('**/sign-in**');
      assert.equal(await page.locator('#list').count(), 0);
    });
  },

  async signing_out_forgets_the_session(world) {
    const server = await world.filled();
    await world.visit(server, { signedOut: true }, async (page) => {
      await page.goto('/sign-in');
      await type(page, 'admin');
      await tabTo(page, '#password');
      await type(page, PASSWORD);
      await go(page);
      assert.equal(at(page), '/connections');
      await tabTo(page, '[popovertarget=account]');
      await page.keyboard.press('Enter');
      await tabTo(page, 'form[action="/sign-out"] button');
      await go(page);
      assert.equal(at(page), '/sign-in');
      await page.goBack();
      await page.waitForURL('**/sign-in**');
      assert.equal((await page.context().cookies()).filter(({ name }) => name === 'portcullis').length, 0);
    });
  },

  async the_session_is_out_of_reach_of_scripts(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      await page.waitForSelector('#list');
      assert.equal(await page.evaluate(() => document.cookie), '');
      assert.deepEqual(await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage)]), [[], []]);
    });
  },

  async theme_switch_is_remembered(world) {
    const server = await world.filled();
    await world.visit(server, { theme: 'light' }, async (page) => {
      const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme === 'dark');
      await page.goto('/connections');
      assert.equal(await dark(), false);
      await page.click('#theme');
      assert.equal(await dark(), true);
      await page.reload();
      assert.equal(await dark(), true);
      await page.click('#theme');
      assert.equal(await dark(), false);
    });
  },
};
