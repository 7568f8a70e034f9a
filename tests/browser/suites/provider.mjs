// A bucket at a provider is connected by the panel, and used by a real tool.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { rclones } from '../harness/tools.mjs';
import { values } from '../harness/forms.mjs';
import { FILES, fillIn, test, toProvider } from '../harness/outside.mjs';

const run = promisify(execFile);
const NEXT = '#wizard footer button.primary[type=submit]';

async function list(server, program, setup, bucket) {
  const home = fs.mkdtempSync(path.join(server.dir, 'home-'));
  const file = path.join(home, 'rclone.conf');
  fs.writeFileSync(file, setup, { mode: 0o600 });
  const remote = setup.match(/\[(\S+)\]/)[1];
  const options = { env: { PATH: '/usr/bin:/bin', HOME: home }, cwd: home, timeout: 60_000 };
  const at = `${remote}:${bucket}`;
  const { stdout } = await run(program, ['--config', file, 'lsf', '-R', '--files-only', at], options);
  const text = await run(program, ['--config', file, 'cat', `${at}/${FILES[0]}`], options);
  return { files: stdout.trim().split('\n').sort(), text: text.stdout };
}

export default {
  async a_bucket_with_files_is_connected_and_used(world) {
    const server = await world.outside();
    const { bucket } = server;
    await world.visit(server, { height: 1000 }, async (page) => {
      const addresses = [];
      page.on('framenavigated', (frame) => addresses.push(frame.url()));
      await toProvider(page, 'Archive at the provider');
      await fillIn(page, { ...bucket, secret: `${bucket.secret}x` });
      let steps = await test(page);
      assert.match(steps.at(-1), /Credentials/);
      assert.match(steps.at(-1), /Copy the secret again/);
      assert.equal(await page.inputValue('#f-secret_access_key'), '');
      assert.equal(await page.inputValue('#f-bucket'), bucket.bucket);
      await page.fill('#f-secret_access_key', bucket.secret);
      await page.check('input[name=write]', { force: true });
      steps = await test(page);
      const names = steps.map((step) => step.split(/\s/)[0]);
      assert.deepEqual(names, ['Name', 'Network', 'Clock', 'Credentials', 'Bucket', 'Files', 'Write']);
      assert.match(steps.join(' '), /3 files are there already/);
      assert.equal(await page.locator('#probe-steps li.n').count(), 0);
      await Promise.all([page.waitForURL('**/connections/new/existing**'), page.click(NEXT)]);
      assert.match(await page.locator('#found').innerText(), /3 files are there already/);
      assert.ok(await page.isDisabled('input[name=existing][value=fresh]'), 'a fresh start is none here');
      assert.ok(await page.isHidden('#f-merge'), 'a storage is only asked for where it matters');
      await Promise.all([page.waitForURL('**/connections/new/access**'), page.click(NEXT)]);
      await page.check('input[name=external][value=on]', { force: true });
      await page.check('input[name=permission][value=read]', { force: true });
      await Promise.all([page.waitForURL('**/connections/new/review**'), page.click(NEXT)]);
      await page.click(NEXT);
      await page.waitForSelector('dialog#credentials');
      const setup = await page.locator('#snip-rclone').innerText();
      const shown = await values(page);
      for (const program of rclones()) {
        const found = await list(server, program, setup, shown.bucket);
        assert.deepEqual(found, { files: [...FILES].sort(), text: `The text of ${FILES[0]}\n` });
      }
      await page.check('#stored', { force: true });
      await Promise.all([page.waitForURL(/\/connections\/[0-9a-f-]{36}/), page.click('#continue')]);
      assert.match(await page.locator('#provider').innerText(), new RegExp(bucket.accessKey));
      assert.match(await page.locator('#health').innerText(), /Reachable/);
      const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
      assert.ok(![stored, await page.content(), ...addresses].some((text) => text.includes(bucket.secret)));
      assert.ok(!server.output.includes(bucket.secret));
    });
  },

  async a_connection_is_tested_and_its_credentials_replaced(world) {
    const server = await world.outside();
    const { bucket, provider } = server;
    const made = await server.call('POST', '/storages', {
      name: 'To be replaced', provider: 's3', endpoint: bucket.endpoint, bucket: `${bucket.bucket}/photos/`, share_bucket: true,
      access_key_id: bucket.accessKey, secret_access_key: bucket.secret,
    });
    const { items } = await provider.call('GET', '/storages');
    const fresh = await provider.call('POST', '/keys', { name: 'Fresh', channel: 's3', scope: { storage: items[0].id }, permission: 'read_write', networks: [] });
    await world.visit(server, { height: 1000 }, async (page) => {
      await page.goto(`/connections/${made.id}`);
      await Promise.all([page.waitForEvent('load'), page.click('#test button')]);
      assert.match((await page.locator('#probe-steps li').allInnerTexts()).at(-1), /Contents/);
      await Promise.all([page.waitForURL('**/provider/credentials'), page.click('#provider a[href$="/provider/credentials"]')]);
      await page.fill('#f-access_key_id', fresh.key.access_key);
      await page.fill('#f-secret_access_key', bucket.secret);
      await Promise.all([page.waitForEvent('load'), page.click('#replace button.primary')]);
      assert.match(await page.locator('#faults').innerText(), /secret/i);
      assert.equal(await page.inputValue('#f-secret_access_key'), '');
      await page.fill('#f-secret_access_key', fresh.secret);
      await Promise.all([page.waitForURL(/\/connections\/[0-9a-f-]{36}\?/), page.click('#replace button.primary')]);
      assert.match(await page.locator('#provider').innerText(), new RegExp(fresh.key.access_key));
    });
  },

  async a_provider_that_is_gone_is_told_in_the_list_and_on_the_page(world) {
    const server = await world.outside();
    const closed = { endpoint: 'http://127.0.0.1:9', bucket: 'nothing', accessKey: 'AKNOBODY', secret: 'nothing-to-hide' };
    await world.visit(server, { height: 1000 }, async (page) => {
      await toProvider(page, 'Nobody there');
      await fillIn(page, closed);
      const steps = await test(page);
      assert.match(steps.at(-1), /Network[\s\S]*firewall/);
      await page.check('input[name=unchecked]', { force: true });
      await Promise.all([page.waitForURL('**/connections/new/access**'), page.click(NEXT)]);
      await Promise.all([page.waitForURL('**/connections/new/review**'), page.click(NEXT)]);
      await Promise.all([page.waitForURL(/\/connections\/[0-9a-f-]{36}/, { timeout: 60_000 }), page.click(NEXT)]);
      await page.goto('/connections?q=nobody');
      assert.match(await page.locator('#list tbody').innerText(), /Unreachable/);
    });
  },
};
