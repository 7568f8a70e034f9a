// The steps to a new connection.
import assert from 'node:assert/strict';

export default {
  async bucket_name_is_previewed_while_typing(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections/new');
      let loads = 0;
      page.on('load', () => (loads += 1));
      await page.fill('#f-name', 'Fotos für die Zeitung');
      await page.waitForFunction(() => /^usr-\d+-itm-\d+-fotos-f\S*zeitung$/.test(document.querySelector('#preview code')?.textContent));
      await page.fill('#f-label', 'press');
      await page.waitForFunction(() => /^usr-\d+-itm-\d+-press$/.test(document.querySelector('#preview code')?.textContent));
      await page.fill('#f-label', 'Not A Label!');
      await page.waitForFunction(() => document.querySelector('#preview .error'));
      assert.equal(loads, 0);
      assert.equal(await page.inputValue('#f-name'), 'Fotos für die Zeitung');
    });
  },

  async back_keeps_what_was_filled_in(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections/new');
      await page.fill('#f-name', 'Kept');
      await page.fill('#f-quota', '5 GB');
      await Promise.all([page.waitForURL('**/connections/new/access**'), page.click('#wizard footer button.primary')]);
      await page.check('input[name=external][value=on]', { force: true });
      await page.check('input[name=permission][value=write]', { force: true });
      await page.fill('#f-networks', '192.0.2.0/24');
      await Promise.all([page.waitForURL(/\/connections\/new\?/), page.click('#wizard footer button[name=back]')]);
      assert.deepEqual([await page.inputValue('#f-name'), await page.inputValue('#f-quota')], ['Kept', '5 GB']);
      await Promise.all([page.waitForURL('**/connections/new/access**'), page.click('#wizard footer button.primary')]);
      assert.equal(await page.isChecked('input[name=permission][value=write]'), true);
      assert.equal((await page.inputValue('#f-networks')).trim(), '192.0.2.0/24');
    });
  },

  async new_connection_has_no_external_access_by_default(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections/new');
      await page.fill('#f-name', 'Closed at first');
      await Promise.all([page.waitForURL('**/connections/new/access**'), page.click('#wizard footer button.primary')]);
      assert.equal(await page.isChecked('input[name=external][value=off]'), true);
      assert.equal(await page.isVisible('#f-networks'), false, 'nothing to fill in for outside access');
      await Promise.all([page.waitForURL('**/connections/new/review**'), page.click('#wizard footer button.primary')]);
      await Promise.all([page.waitForURL(/\/connections\/[0-9a-f-]{36}/), page.click('#wizard footer button.primary')]);
      const id = new URL(page.url()).pathname.split('/').pop();
      const made = await server.call('GET', `/storages/${id}`);
      assert.deepEqual([made.s3_access, made.s3_active], [false, false]);
    });
  },

  async two_clicks_make_one_connection(world) {
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections/new/review?name=Only+once&provider=builtin&external=on&permission=read');
      const once = await page.locator('#wizard input[name=once]').inputValue();
      assert.ok(once.length >= 32);
      await page.dblclick('#wizard footer button.primary');
      await page.waitForSelector('dialog#credentials:modal');
      const found = (await server.page('/connections?q=only+once')).html;
      assert.equal([...found.matchAll(/data-menu/g)].length, 1);
    });
  },
};
