// Makes the four pictures of the README anew, in docs/src/images: node tests/browser/readme.mjs
import fs from 'node:fs';
import path from 'node:path';
import { launch } from './harness/browser.mjs';
import { createConnection } from './harness/forms.mjs';
import { settled } from './harness/pages.mjs';
import { STORAGES, fill } from './harness/seed.mjs';
import { Server } from './harness/server.mjs';
import { ROOT } from './harness/tools.mjs';
import { World } from './harness/world.mjs';

const IMAGES = path.join(ROOT, 'docs/src/images');
const MOST = 200 * 1024;

const world = new World(await launch());
const server = await Server.start({ settings: ['--s3-url', 'https://s3.example.com'] });

async function picture(name, options, open) {
  await world.visit(server, { width: 1200, height: 800, scale: 1.25, ...options }, async (page) => {
    await open(page);
    await page.evaluate(() => document.fonts.ready.then(() => null));
    await settled(page);
    const file = path.join(IMAGES, `${name}.png`);
    await page.screenshot({ path: file });
    const { size } = fs.statSync(file);
    if (size > MOST) throw new Error(`${name}.png has ${size} bytes, more than ${MOST}`);
    console.log(`${path.relative(ROOT, file)}: ${Math.ceil(size / 1024)} KB`);
  });
}

// Until the figures are measured, which the server does every few seconds.
async function measured(page) {
  for (;;) {
    await page.goto('/connections');
    if (/61 MB/.test(await page.locator('#list').textContent())) return;
    await page.waitForTimeout(500);
  }
}

try {
  fs.mkdirSync(IMAGES, { recursive: true });
  // Those with ordinary names.
  const seed = await fill(server, STORAGES.slice(0, 6));
  // Wide enough for all columns.
  await picture('connections', { width: 1400, height: 880, scale: 1 }, measured);
  await picture('details', { theme: 'dark' }, (page) => page.goto(`/connections/${seed['Website media'].id}`));
  await picture('phone', { width: 390, height: 844, scale: 2 }, measured);
  await picture('credentials', {}, (page) => createConnection(page, { name: 'Office backup', permission: 'write' }));
} finally {
  await world.end();
  await server.stop();
}
