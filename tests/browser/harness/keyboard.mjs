// A person without a mouse.
import assert from 'node:assert/strict';

const MOST = 150;

// Presses Tab until the element that matches has the focus. `back` goes the other way round.
export async function tabTo(page, selector, { back = false } = {}) {
  const seen = [];
  for (let presses = 0; presses < MOST; presses += 1) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
    const at = await page.evaluate((wanted) => {
      const element = document.activeElement;
      const label = element?.getAttribute('aria-label') ?? element?.textContent ?? '';
      return { there: element?.matches(wanted) ?? false, name: `${element?.tagName.toLowerCase()}#${element?.id} ${label.trim().slice(0, 30)}` };
    }, selector);
    if (at.there) return;
    seen.push(at.name);
  }
  assert.fail(`Tab never came to ${selector}; it came by ${[...new Set(seen)].join(' | ')}`);
}

// Replaces what is in the field that has the focus.
export async function type(page, text) {
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

// Presses a key that leads to another page and waits for that page.
export async function go(page, key = 'Enter') {
  await Promise.all([page.waitForEvent('framenavigated'), page.keyboard.press(key)]);
  await page.waitForLoadState('load');
}

export const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent.trim());
