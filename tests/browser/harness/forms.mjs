// The wizard, filled in with a mouse; the keyboard's way is in suites/first_use.mjs.
const NEXT = '#wizard footer button.primary[type=submit]';

// Makes a connection with outside access; ends on the page with the keys.
export async function createConnection(page, { name, permission = 'read_write' }) {
  if (new URL(page.url()).pathname !== '/connections/new') await page.goto('/connections/new');
  await page.fill('input[name=name]', name);
  await Promise.all([page.waitForURL('**/connections/new/access**'), page.click(NEXT)]);
  await page.check('input[name=external][value=on]', { force: true });
  await page.check(`input[name=permission][value=${permission}]`, { force: true });
  await Promise.all([page.waitForURL('**/connections/new/review**'), page.click(NEXT)]);
  await page.click(NEXT);
  await page.waitForSelector('dialog#credentials');
}

// The four values of the page with the keys.
export async function values(page) {
  const read = async (id) => (await page.locator(id).textContent()).trim();
  return { endpoint: await read('#v-ep'), bucket: await read('#v-bk'), accessKey: await read('#v-ak'), secret: await read('#v-sk') };
}
