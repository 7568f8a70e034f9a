// Accessibility: axe-core on every page, light and dark, wide and narrow.
import assert from 'node:assert/strict';
import { AXE } from '../harness/tools.mjs';
import { nothing } from '../harness/nothing.mjs';
import { pages, settled, show } from '../harness/pages.mjs';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// What axe finds, one line each.
async function findings(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (rules) => {
    const { violations, passes } = await window.axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
    const told = violations.map(({ id, nodes }) => ({ id, at: nodes.slice(0, 4).map((node) => `${node.target.join(' ')} ${node.any[0]?.data?.contrastRatio ?? ''}`) }));
    return { told, passes: passes.length };
  }, RULES);
  assert.ok(found.passes > 10, 'axe looked at the page');
  return found.told.map(({ id, at }) => `${id}: ${at.join(' | ')}`);
}

export default {
  async axe_has_no_violations(world) {
    const all = await pages(world);
    const told = [];
    for (const one of all) {
      // A page that shows keys would be made anew each time; its look changes here instead.
      await world.visit(one.server, { signedOut: one.signedOut, bypassCSP: true }, async (page) => {
        await show(page, one).catch((error) => {
          throw new Error(`${one.name}: ${error.message}`);
        });
        for (const width of [1440, 390]) {
          for (const theme of ['light', 'dark']) {
            await page.setViewportSize({ width, height: 1000 });
            await page.emulateMedia({ colorScheme: theme });
            await settled(page);
            for (const line of await findings(page)) told.push(`${one.name} ${theme} ${width}: ${line}`);
          }
        }
      });
    }
    nothing(told);
    return `${all.length} pages in 4 looks`;
  },
};
