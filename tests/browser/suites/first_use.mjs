// From the first start to the first file, with the keyboard alone and what the screen shows.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PICTURES, rclones } from '../harness/tools.mjs';
import { go, tabTo, type } from '../harness/keyboard.mjs';

const run = promisify(execFile);

const at = (page) => new URL(page.url()).pathname;
const OWN = 'a password of one’s own, 2026';

function camera(page) {
  fs.mkdirSync(PICTURES, { recursive: true });
  let number = 0;
  return async (name) => page.screenshot({ path: path.join(PICTURES, `first-use-${(number += 1)}-${name}.png`) });
}

// The set-up as a person pastes it, used by the real program; what came back from the storage.
async function useRclone(server, program, setup) {
  const home = fs.mkdtempSync(path.join(server.dir, 'home-'));
  const file = path.join(home, setup.match(/~\/(\S*rclone\.conf)/)[1]);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, setup, { mode: 0o600 });
  const folder = path.join(home, 'folder', 'deep');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'first file.txt'), 'Hello from the keyboard\n');
  const place = setup.match(/rclone copy \S+ (\S+)/)[1];
  const options = { env: { PATH: '/usr/bin:/bin', HOME: home }, cwd: home, timeout: 60_000 };
  await run(program, ['copy', './folder', place], options);
  await run(program, ['copy', place, './back'], options);
  return { place, text: fs.readFileSync(path.join(home, 'back/deep/first file.txt'), 'utf8') };
}

// From the first step to the keys.
async function wizard(page, picture) {
  assert.equal(at(page), '/connections/new');
  await page.waitForFunction(() => document.activeElement.name === 'name');
  await page.keyboard.type('NAS backup');
  await page.waitForFunction(() => document.getElementById('preview').textContent.includes('-nas-backup'));
  await picture('storage');
  await go(page);
  assert.equal(at(page), '/connections/new/access');
  await tabTo(page, 'input[name=external]');
  await page.keyboard.press('ArrowRight');
  await tabTo(page, 'input[name=permission]');
  while (!(await page.evaluate(() => document.activeElement.value === 'read_write'))) await page.keyboard.press('ArrowRight');
  await tabTo(page, '#wizard button[name=op][value=mine]');
  await go(page);
  assert.match(await page.inputValue('#f-networks'), /127\.0\.0\.1/);
  await picture('access');
  await tabTo(page, '#wizard footer button.primary');
  await go(page);
  assert.equal(at(page), '/connections/new/review');
  await picture('review');
  await tabTo(page, '#wizard footer button.primary');
  await go(page);
  await page.waitForSelector('dialog#credentials:modal');
}

export default {
  async from_first_start_to_rclone_by_keyboard(world) {
    const begun = performance.now();
    const server = await world.fresh();
    const { web, password } = server.printed();
    assert.equal(web, server.web);
    await world.visit(server, { signedOut: true, clipboard: true, height: 900 }, async (page) => {
      const picture = camera(page);
      await page.goto(web);
      await picture('sign-in');
      await type(page, 'admin');
      await tabTo(page, '#password');
      await type(page, password);
      await go(page);
      assert.equal(at(page), '/first-run');
      await picture('first-run');
      for (const [field, text] of [['#f-current', password], ['#f-new', OWN], ['#f-repeat', OWN]]) {
        await tabTo(page, field);
        await type(page, text);
      }
      await go(page);
      assert.equal(at(page), '/connections');
      await picture('nothing-yet');
      await tabTo(page, 'a[href="/connections/new"]');
      await go(page);
      await wizard(page, picture);
      await picture('keys');
      assert.equal(await page.isVisible('#snip-rclone'), true);
      const setup = await page.locator('#snip-rclone').innerText();
      await tabTo(page, '[data-copy="#snip-rclone"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('[data-copy="#snip-rclone"][data-copied]');
      const pasted = await page.evaluate(() => navigator.clipboard.readText());
      assert.equal(pasted, setup.trim());
      for (const program of rclones()) await useRclone(server, program, pasted);
      await tabTo(page, '#stored');
      await page.keyboard.press('Space');
      await picture('keys-stored');
      await tabTo(page, '#continue');
      await go(page);
      assert.match(at(page), /^\/connections\/[0-9a-f-]{36}$/);
      const secret = setup.match(/secret_access_key = (\S+)/)[1];
      assert.ok(!(await page.content()).includes(secret));
      await picture('details');
    });
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds < 120, `${seconds} s`);
    return `${seconds.toFixed(1)} s by script`;
  },
};
