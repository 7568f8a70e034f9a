// The one page that shows a secret.
import assert from 'node:assert/strict';
import { createConnection, values } from '../harness/forms.mjs';
import { tabTo } from '../harness/keyboard.mjs';

let made = 0;

// A visitor who has just made a connection and looks at its keys.
const withKeys = async (world, options, use) => {
  const server = await world.filled();
  return world.visit(server, options, async (page, complaints) => {
    await createConnection(page, { name: `Keys ${(made += 1)}` });
    return use(page, await values(page), server, complaints);
  });
};

const keysMade = async (server) => (await server.call('GET', '/keys?limit=1000')).items.length;
const modal = (page) => page.evaluate(() => document.querySelector('dialog#credentials')?.matches(':modal') ?? false);
const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

// Everything a browser keeps of a page: markup, fields, history, storages, caches, address.
const kept = (page) =>
  page.evaluate(async () => {
    const names = (await window.caches?.keys()) ?? [];
    const fields = [...document.querySelectorAll('input, textarea')].map((field) => field.value);
    return JSON.stringify([document.documentElement.outerHTML, fields, history.state, { ...localStorage }, { ...sessionStorage }, names, location.href, window.name]);
  });

export default {
  async continue_is_disabled_until_keys_are_stored(world) {
    await withKeys(world, {}, async (page) => {
      assert.equal(await page.locator('#continue').isDisabled(), true);
      await page.check('#stored', { force: true });
      assert.equal(await page.locator('#continue').isEnabled(), true);
      await page.uncheck('#stored', { force: true });
      assert.equal(await page.locator('#continue').isDisabled(), true);
    });
  },

  async credentials_survive_repeated_escape(world) {
    await withKeys(world, {}, async (page, keys) => {
      assert.equal(await modal(page), true);
      for (let presses = 0; presses < 4; presses += 1) await page.keyboard.press('Escape');
      assert.equal(await modal(page), true);
      // Beside the dialog, twice.
      await page.mouse.click(5, 5);
      await page.mouse.click(5, 5);
      assert.equal(await modal(page), true);
      await page.evaluate(() => document.querySelector('dialog#credentials').close());
      await page.waitForFunction(() => document.querySelector('dialog#credentials').matches(':modal'));
      assert.equal((await values(page)).secret, keys.secret);
      assert.ok((await page.locator('#toasts > *').count()) > 0, 'it says why');
    });
  },

  async leaving_with_unstored_keys_is_asked_about(world) {
    await withKeys(world, {}, async (page, keys) => {
      const asked = [];
      page.on('dialog', async (dialog) => {
        asked.push(dialog.type());
        await dialog.dismiss();
      });
      await page.locator('#stored').focus();
      await page.evaluate(() => location.assign('/connections')).catch(() => {});
      await page.waitForFunction(() => document.querySelector('dialog#credentials').matches(':modal'));
      assert.deepEqual(asked, ['beforeunload']);
      assert.equal((await values(page)).secret, keys.secret);
    });
  },

  async credentials_cannot_be_seen_again_after_reload(world) {
    await withKeys(world, {}, async (page, keys, server) => {
      page.on('dialog', (dialog) => dialog.accept());
      const before = await keysMade(server);
      assert.ok(before > 0);
      await page.reload();
      assert.ok(!(await kept(page)).includes(keys.secret));
      assert.equal(await page.locator('#v-sk').count(), 0);
      assert.equal(await keysMade(server), before, 'a reload makes nothing');
    });
  },

  async secret_is_gone_from_dom_after_continue(world) {
    await withKeys(world, {}, async (page, keys) => {
      await page.check('#stored', { force: true });
      await Promise.all([page.waitForEvent('framenavigated'), page.click('#continue')]);
      await page.waitForLoadState();
      assert.ok(!(await kept(page)).includes(keys.secret));
      assert.ok((await page.content()).includes(keys.accessKey), 'the access key stays visible');
    });
  },

  async back_button_after_continue_does_not_bring_it_back(world) {
    await withKeys(world, {}, async (page, keys) => {
      await page.check('#stored', { force: true });
      await Promise.all([page.waitForEvent('framenavigated'), page.click('#continue')]);
      await page.waitForLoadState();
      await page.goBack({ waitUntil: 'load' }).catch(() => {});
      await page.waitForLoadState();
      assert.ok(!(await kept(page)).includes(keys.secret));
      assert.equal(await page.locator('#v-sk').count(), 0);
    });
  },

  async copy_icon_copies_exact_value(world) {
    await withKeys(world, { clipboard: true }, async (page, keys) => {
      for (const [id, value] of [['#v-ep', keys.endpoint], ['#v-bk', keys.bucket], ['#v-ak', keys.accessKey], ['#v-sk', keys.secret]]) {
        await page.click(`[data-copy="${id}"]`);
        await page.waitForSelector(`[data-copy="${id}"][data-copied]`);
        assert.equal(await copied(page), value);
      }
      assert.match(keys.endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.match(keys.bucket, /^usr-\d+-itm-\d+-keys-\d+$/);
    });
  },

  async every_set_up_can_be_shown_and_copied(world) {
    await withKeys(world, { clipboard: true }, async (page, keys) => {
      const tools = await page.locator('.tools input[name=tool]').evaluateAll((all) => all.map((radio) => radio.value));
      assert.ok(tools.length >= 10, tools.join());
      for (const tool of tools) {
        await page.click(`label[for=tool-${tool}]`);
        const shown = page.locator('.tools pre:visible');
        assert.equal(await shown.count(), 1, tool);
        await page.locator('.tools [data-copy]:visible').click();
        await page.waitForSelector('.tools [data-copied]:visible');
        assert.equal(await copied(page), (await shown.textContent()).trim(), tool);
        assert.match(await shown.textContent(), new RegExp(`${keys.accessKey}|cannot|can’t|FileZilla`), tool);
      }
      return `${tools.length} tools`;
    });
  },

  async the_dialog_keeps_the_focus(world) {
    await withKeys(world, {}, async (page) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press('Tab');
        const where = await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest('#credentials') !== null);
        assert.equal(where, true, await page.evaluate(() => document.activeElement.outerHTML.slice(0, 100)));
      }
      await tabTo(page, '#stored');
      await page.keyboard.press('Space');
      await tabTo(page, '#continue');
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/connections(\/[0-9a-f-]+)?(\?.*)?$/);
    });
  },

  // Every step by links and forms alone.
  async works_without_javascript(world) {
    const server = await world.filled();
    await world.visit(server, { js: false, signedOut: true }, async (page) => {
      await page.goto('/connections');
      await page.fill('#username', 'admin');
      await page.fill('#password', 'correct horse battery staple');
      await page.click('button[type=submit]');
      await page.fill('input[name=q]', 'invoices');
      await page.keyboard.press('Enter');
      await page.waitForURL(/q=invoices/);
      assert.equal(await page.locator('#list tbody tr').count(), 1);
      await createConnection(page, { name: 'Made without a script' });
      const keys = await values(page);
      assert.ok(keys.secret.length > 20);
      await page.locator('#continue').click();
      assert.ok((await page.content()).includes(keys.secret), 'the box has to be ticked');
      await page.check('#stored');
      await Promise.all([page.waitForURL(/\/connections(\/[0-9a-f-]+)?(\?.*)?$/), page.click('#continue')]);
      const html = await page.content();
      assert.ok(!html.includes(keys.secret) && html.includes('Made without a script'));
    });
  },
};
