// Every page there is, in every state that looks different. The gates go through all of them.
import { createConnection } from './forms.mjs';

// `{ name, path, server }`, and for those that no address alone leads to `open(page)`.
export async function pages(world) {
  const server = await world.filled();
  const { seed } = server;
  const nas = seed['NAS backup'];
  const media = seed['Website media'];
  const key = (one, at = 0) => `/connections/${one.id}/keys/${one.keys[at].id}`;
  const all = [
    { name: 'sign-in', path: '/sign-in', signedOut: true },
    { name: 'sign-in-wrong', path: '/sign-in', signedOut: true, open: signInWrongly },
    { name: 'connections', path: '/connections' },
    { name: 'connections-found', path: '/connections?q=photo&sort=used' },
    { name: 'connections-not-found', path: '/connections?q=nothing+like+this' },
    { name: 'connections-menu', path: '/connections', open: openMenu },
    { name: 'connections-help', path: '/connections', open: openHelp },
    { name: 'new-storage', path: '/connections/new' },
    { name: 'new-storage-wrong', path: '/connections/new?name=&label=UPPER&quota=lots&next=access' },
    { name: 'new-access', path: '/connections/new/access?name=Backups&provider=builtin' },
    { name: 'new-access-open', path: '/connections/new/access?name=Backups&provider=builtin&external=on&permission=read&networks=192.0.2.9%2F24%0A192.0.2.9' },
    { name: 'new-access-wrong', path: '/connections/new/access?name=Backups&provider=builtin&external=on&permission=write&networks=10.0.0.0%2F40&expires=on&next=review' },
    { name: 'new-review', path: '/connections/new/review?name=Backups&provider=builtin&external=on&permission=write' },
    { name: 'credentials', path: '/connections/new', open: (page) => createConnection(page, { name: 'Backups of the office' }) },
    { name: 'details', path: `/connections/${seed['Photo archive'].id}` },
    { name: 'details-any-ip', path: `/connections/${nas.id}` },
    { name: 'details-two-keys', path: `/connections/${media.id}` },
    { name: 'details-closed', path: `/connections/${seed['Lab results'].id}` },
    { name: 'key', path: key(media) },
    { name: 'key-off', path: key(seed['Scratch space']) },
    { name: 'key-delete', path: `${key(media)}/delete` },
    { name: 'key-new', path: `/connections/${media.id}/keys/new` },
    { name: 'key-generate', path: `${key(nas)}/generate` },
    { name: 'password', path: '/account/password' },
    { name: 'first-run', path: '/first-run', server: await world.unsettled() },
    { name: 'connections-empty', path: '/connections', server: await world.empty() },
    { name: 'not-found', path: '/connections/nothing' },
    ...Object.entries(seed).slice(-3).map(([, one], at) => ({ name: `details-name-${at + 1}`, path: `/connections/${one.id}` })),
  ];
  return all.map((one) => ({ server, ...one }));
}

async function signInWrongly(page) {
  await page.fill('#username', 'admin');
  await page.fill('#password', 'not the password');
  await page.click('button[type=submit]');
  await page.waitForSelector('[role=alert]');
}

async function openMenu(page) {
  await page.click('#list tbody tr:nth-child(2) [data-menu]');
  await page.waitForSelector('#menu:popover-open');
}

async function openHelp(page) {
  await page.keyboard.press('?');
  await page.waitForSelector('#help:popover-open');
}

// Opens one of them in a page whose visitor is as it says.
export async function show(page, { path, open }) {
  const answer = await page.goto(path);
  if (open) await open(page);
  await page.evaluate(() => document.fonts.ready.then(() => null));
  return answer;
}

// Until nothing fades or slides any more, two frames in a row.
export const settled = (page) =>
  page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let still = 0; still < 2; still += 1) {
      await frame();
      const moving = document.getAnimations();
      if (moving.length > 0) still = -1;
      await Promise.allSettled(moving.map((animation) => animation.finished));
    }
  });
