// A picture of every page, light, dark and on a phone, for people to look at: target/screenshots.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { PICTURES } from '../harness/tools.mjs';
import { pages, settled, show } from '../harness/pages.mjs';

const LOOKS = [
  ['light', 1440, 'light'],
  ['dark', 1440, 'dark'],
  ['phone', 390, 'light'],
];

export default {
  async every_page_has_its_picture(world) {
    fs.mkdirSync(PICTURES, { recursive: true });
    const all = await pages(world);
    let taken = 0;
    for (const one of all) {
      await world.visit(one.server, { signedOut: one.signedOut }, async (page) => {
        await show(page, one);
        for (const [look, width, theme] of LOOKS) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme: theme });
          await settled(page);
          const file = path.join(PICTURES, `${one.name}-${look}.png`);
          await page.screenshot({ path: file, fullPage: !one.open });
          assert.ok(fs.statSync(file).size > 2_000, file);
          taken += 1;
        }
      });
    }
    return `${taken} pictures in ${path.relative(process.cwd(), PICTURES)}`;
  },
};
