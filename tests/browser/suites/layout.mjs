// Narrow screens, large letters, and pages that keep still while they load.
import assert from 'node:assert/strict';
import { launch } from '../harness/browser.mjs';
import { nothing } from '../harness/nothing.mjs';
import { pages, show } from '../harness/pages.mjs';

// What sticks out to the right, if the page can be scrolled sideways.
const overflow = (page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > width + 1);
    const told = wide.slice(-4).map((element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className}`);
    return [`${document.documentElement.scrollWidth} px of ${width}: ${told.join(', ')}`];
  });

// How far the page has moved by itself, once what was drawn is reported.
const shift = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(window.layoutShift), 0)));
      }),
  );

// Buttons, links and fields of the content that cannot be clicked where they are: outside, or below something else.
const outOfReach = (page) =>
  page.evaluate(() => {
    const told = [];
    const name = (element) => `${element.tagName.toLowerCase()} "${(element.textContent || element.name || '').trim().slice(0, 30)}"`;
    for (const element of document.querySelectorAll('main :is(a[href], button, input:not([type=hidden]), select, textarea, summary)')) {
      if (element.disabled || element.closest('.visually-hidden') || !element.checkVisibility({ visibilityProperty: true })) continue;
      if (document.querySelector('dialog:modal') && !element.closest('dialog')) continue;
      // A box that is drawn otherwise stands behind its label.
      const shown = (element.matches('[type=radio], [type=checkbox]') && element.labels[0]) || element;
      shown.scrollIntoView({ block: 'center', inline: 'nearest' });
      const box = [...shown.getClientRects()].find(({ width, height }) => width > 0 && height > 0);
      const hit = box && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      if (!hit || !(shown.contains(hit) || hit.contains(shown))) told.push(`${name(shown)} ${hit ? `below ${name(hit)}` : 'outside'}`);
    }
    return told;
  });

async function everywhere(world, options, look) {
  const told = [];
  // Menus and the help lie above the page on purpose.
  const all = (await pages(world)).filter(({ name }) => !/-(menu|help)$/.test(name));
  for (const one of all) {
    await world.visit(one.server, { signedOut: one.signedOut, ...options }, async (page) => {
      await show(page, one).catch((error) => {
        throw new Error(`${one.name}: ${error.message}`);
      });
      for (const line of await look(page)) told.push(`${one.name}: ${line}`);
    });
  }
  return { told, all };
}

export default {
  async nothing_sticks_out_at_320_px(world) {
    const { told, all } = await everywhere(world, { width: 320, height: 640 }, overflow);
    nothing(told);
    return `${all.length} pages`;
  },

  // 1280 × 1024 at 200 %: half as many CSS pixels.
  async usable_at_200_percent(world) {
    const { told } = await everywhere(world, { width: 640, height: 512, scale: 2 }, async (page) => [...(await overflow(page)), ...(await outOfReach(page))]);
    nothing(told);
  },

  // Only the letters twice as large, as a setting of the browser (WCAG 1.4.4).
  async usable_with_letters_twice_as_large(world) {
    const large = await launch('--blink-settings=defaultFontSize=32,defaultFixedFontSize=26');
    try {
      const { told } = await everywhere(world, { width: 1280, height: 1024, browser: large }, async (page) => {
        assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize), '32px');
        return [...(await overflow(page)), ...(await outOfReach(page))];
      });
      nothing(told);
    } finally {
      await large.close();
    }
  },

  async nothing_moves_while_loading(world) {
    let worst = 0;
    for (const width of [1440, 390]) {
      const { told } = await everywhere(world, { width }, async (page) => {
        const moved = await shift(page);
        worst = Math.max(worst, moved);
        return moved <= 0.02 ? [] : [`moved by ${moved.toFixed(3)} at ${width} px`];
      });
      nothing(told);
    }
    // The measure itself: something that pushes the page down is seen.
    const server = await world.filled();
    await world.visit(server, {}, async (page) => {
      await page.goto('/connections');
      await page.evaluate(() => document.querySelector('main').prepend(Object.assign(document.createElement('pre'), { textContent: 'late\n'.repeat(9) })));
      assert.ok((await shift(page)) > 0.02, 'layout shifts are measured');
    });
    return `at most ${worst.toFixed(4)}`;
  },
};
