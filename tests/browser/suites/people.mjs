// Users, groups, sites: from the invitation to what is shared, and acting in a site below.
import assert from 'node:assert/strict';
import { PASSWORD } from '../harness/server.mjs';
import { focused, go, tabTo, type } from '../harness/keyboard.mjs';

const at = (page) => new URL(page.url()).pathname;

// Invites somebody with the keyboard; the link.
async function invite(page, username) {
  await page.goto('/users');
  await go(page, 'n');
  assert.equal(at(page), '/users/invite');
  assert.equal(await focused(page), 'f-username');
  await page.keyboard.type(username);
  await go(page);
  return (await page.locator('#v-link').textContent()).trim();
}

// Opens the link of an invitation and chooses the password.
async function join(page, link, password) {
  await page.goto(link);
  await page.waitForFunction(() => document.activeElement?.id === 'f-new');
  assert.equal(new URL(page.url()).hash, '', 'the code is out of the address');
  assert.equal(await page.inputValue('#f-code'), link.split('#')[1]);
  await page.keyboard.type(password);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await go(page);
}

async function signIn(page, username, password) {
  await page.fill('#username', username);
  await page.fill('#password', password);
  await Promise.all([page.waitForEvent('load'), page.click('main form button.primary')]);
}

export default {
  async an_invited_person_joins_and_sees_what_was_shared(world) {
    const server = await world.tenants();
    const link = await world.visit(server, { clipboard: true }, async (page) => {
      const link = await invite(page, 'frida');
      await page.click('[data-copy="#v-link"]');
      await page.waitForSelector('[data-copy][data-copied]');
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
      // Nothing of it is anywhere else: not in the address, not in what the browser keeps, not on the page when it comes again.
      const [, code] = link.split('#');
      assert.ok(!page.url().includes(code));
      assert.ok(!JSON.stringify(await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }])).includes(code));
      await page.goto(`/users?q=frida`);
      await page.click('#list td.named a');
      await page.waitForSelector('#state');
      assert.ok(!(await page.content()).includes(code));
      await page.goto(`/connections/${server.storages.invoices}`);
      await page.fill('#f-grantee', 'frida');
      await page.selectOption('#f-rights', 'read_write');
      await Promise.all([page.waitForEvent('load'), page.click('#share button')]);
      assert.match(await page.locator('#people li').textContent(), /frida/);
      return link;
    });
    await world.visit(server, { signedOut: true }, async (page) => {
      await join(page, link, 'seven green bottles hanging');
      assert.equal(at(page), '/sign-in');
      await signIn(page, 'frida', 'seven green bottles hanging');
      assert.match(await page.locator('main').textContent(), /Invoices/);
      assert.equal(await page.locator('nav a[href="/users"]').count(), 0, 'a member does not see what is for admins');
    });
    await world.visit(server, { signedOut: true }, async (page) => {
      await join(page, link, 'another password here');
      assert.equal(at(page), '/join', 'a link works once');
      assert.equal(await page.locator('#e-code').count(), 1);
    });
  },

  async whoever_has_no_script_pastes_the_code(world) {
    const server = await world.tenants();
    const link = await world.visit(server, {}, (page) => invite(page, 'gina'));
    await world.visit(server, { signedOut: true, js: false }, async (page) => {
      await page.goto(link);
      assert.equal(await page.inputValue('#f-code'), '');
      await page.fill('#f-code', link);
      await page.fill('#f-new', 'seven green bottles hanging');
      await page.fill('#f-repeat', 'seven green bottles hanging');
      await Promise.all([page.waitForEvent('load'), page.click('#join button.primary')]);
      assert.equal(at(page), '/sign-in');
    });
  },

  async a_link_is_not_made_twice_by_a_reload(world) {
    const server = await world.tenants();
    await world.visit(server, {}, async (page) => {
      await invite(page, 'hanna');
      const again = await page.reload();
      assert.equal(again.status(), 409);
      assert.equal(await page.locator('#v-link').count(), 0);
    });
  },

  async the_list_of_users_is_searched_live(world) {
    const server = await world.tenants();
    await world.visit(server, {}, async (page) => {
      await page.goto('/users');
      await page.keyboard.press('/');
      await page.keyboard.type('carl');
      await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 1);
      assert.equal(new URL(page.url()).searchParams.get('q'), 'carl');
      await page.selectOption('select[name=state]', 'disabled');
      await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 0);
      await page.locator('#list a').click();
      await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length > 3);
    });
  },

  async a_site_is_switched_with_the_keyboard(world) {
    const server = await world.tenants();
    // A session of its own: the others go on where they are.
    await world.visit(server, { signedOut: true }, async (page) => {
      await page.goto('/sign-in');
      await signIn(page, 'admin', PASSWORD);
      await page.goto('/users');
      await tabTo(page, 'button.site-switch');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#site-menu:popover-open');
      const box = await page.locator('#site-menu').boundingBox();
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 1440 && box.y + box.height <= 1000, 'the menu can be seen');
      await page.keyboard.press('Escape');
      await page.waitForSelector('#site-menu', { state: 'hidden' });
      assert.match(await page.evaluate(() => document.activeElement.className), /site-switch/, 'the focus is back');
      await page.keyboard.press('Enter');
      await tabTo(page, `#site-menu button[value="${server.sites.north}"]`);
      await go(page);
      assert.equal(at(page), '/connections');
      assert.match(await page.locator('#acting').textContent(), /You are acting in\s+North/);
      assert.equal(await page.locator('#list').count(), 0, 'nothing of the other site is here');
      await tabTo(page, '#acting button');
      await go(page);
      assert.equal(await page.locator('#acting').count(), 0);
      assert.match(await page.locator('main').textContent(), /Photo archive/);
    });
  },

  async a_group_is_filled_by_typing(world) {
    const server = await world.tenants();
    await world.visit(server, {}, async (page) => {
      await page.goto('/groups');
      await page.keyboard.press('n');
      assert.equal(await focused(page), 'f-name');
      await type(page, 'Accountants');
      await go(page);
      await tabTo(page, '#f-user');
      await page.keyboard.type('carla');
      await go(page);
      assert.match(await page.locator('#members').textContent(), /carla/);
      await tabTo(page, '#members li button');
      await go(page);
      assert.equal(await page.locator('#members li').count(), 0);
      await page.check('#f-understood');
      await Promise.all([page.waitForEvent('load'), page.click('#delete button')]);
      assert.equal(at(page), '/groups');
    });
  },
};
