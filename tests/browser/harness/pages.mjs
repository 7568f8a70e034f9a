// Every page there is, in every state that looks different. The gates go through all of them.
import { channelPages, keysOf } from './channels.mjs';
import { createConnection } from './forms.mjs';
import { PASSWORD } from './server.mjs';
import { linkPages } from './links.mjs';
import { fillIn, test, toProvider } from './outside.mjs';
import { syncPages } from './sync.mjs';

// `{ name, path, server }`, and for those that no address alone leads to `open(page)`.
export async function pages(world) {
  const server = await world.filled();
  const { seed } = server;
  const outside = await world.outside();
  const [tenants, acting] = [await world.tenants(), await world.acting()];
  const guarded = await world.guarded();
  const remote = await connected(outside);
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
    { name: 'new-provider', path: '/connections/new/provider?name=Backups&provider=s3' },
    { name: 'new-provider-aws', path: '/connections/new/provider?name=Backups&provider=aws' },
    { name: 'new-provider-wrong', path: '/connections/new/provider?name=Backups&provider=cloudflare-r2&endpoint=x&next=access' },
    { name: 'new-provider-tested', path: '/connections/new', server: outside, open: (page) => testConnection(page, outside) },
    { name: 'new-existing', path: '/connections/new', server: outside, open: (page) => findFiles(page, outside) },
    { name: 'details-remote', path: `/connections/${remote.id}`, server: outside, open: (page) => Promise.all([page.waitForEvent('load'), page.click('#test button')]) },
    { name: 'provider-credentials', path: `/connections/${remote.id}/provider/credentials`, server: outside },
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
    { name: 'key-overlap', path: `${key(media)}/generate`, open: (page) => letOldPairWork(page, key(media)) },
    { name: 'key-prove', path: `/keys/${media.keys[0].id}/prove` },
    { name: 'key-prove-shown', path: `/keys/${media.keys[0].id}/prove`, open: (page) => Promise.all([page.waitForEvent('load'), page.click('main form button.primary')]) },
    { name: 'delete', path: `/connections/${media.id}/delete` },
    { name: 'detached', path: '/connections/detached' },
    { name: 'transfers', path: '/transfers' },
    { name: 'advice', path: '/advice' },
    { name: 'usage', path: '/usage' },
    { name: 'found', path: '/found', signedOut: true },
    { name: 'account', path: '/account' },
    { name: 'password', path: '/account/password' },
    { name: 'confirm', path: '/confirm?next=/connections' },
    { name: 'confirm-wrong', path: '/confirm?next=/connections', open: confirmWrongly },
    { name: 'second-factor', path: '/account/second-factor' },
    { name: 'second-factor-app', path: '/account/second-factor', open: (page) => Promise.all([page.waitForEvent('load'), page.click('#app button')]) },
    { name: 'second-factor-set-up', path: '/account/second-factor', server: guarded },
    { name: 'second-factor-remove', path: '/account/second-factor/app/remove', server: guarded },
    { name: 'recovery-codes', path: '/account/second-factor', server: guarded, open: (page) => Promise.all([page.waitForEvent('load'), page.click('#codes button')]) },
    { name: 'sign-in-code', path: '/sign-in', server: guarded, signedOut: true, open: signInByPassword },
    { name: 'first-run', path: '/first-run', server: await world.unsettled() },
    { name: 'connections-empty', path: '/connections', server: await world.empty() },
    { name: 'api-keys-empty', path: '/api-keys', server: await world.empty() },
    { name: 'not-found', path: '/connections/nothing' },
    ...channelPages(seed['Lab results'].id, await keysOf(server, seed['Lab results'].id)),
    ...people(tenants, acting),
    ...linkPages(await world.shared()),
    ...syncPages(await world.synced()),
    ...Object.entries(seed).slice(-3).map(([, one], at) => ({ name: `details-name-${at + 1}`, path: `/connections/${one.id}` })),
  ];
  return all.map((one) => ({ server, ...one }));
}

// The page of a key of which two pairs work. The second time they do already.
async function letOldPairWork(page, own) {
  const week = page.locator('input[name=overlap][value="604800"]');
  if ((await week.count()) > 0) {
    await week.check();
    await Promise.all([page.waitForEvent('load'), page.click('#generate footer button')]);
  }
  await page.goto(new URL(own, page.url()).href);
}

// Fills in what cannot be.
async function spoil(page) {
  await page.check('#networks-listed', { force: true });
  await page.fill('#f-add', '10.0.0.0/40');
  await page.click('#networks-add');
  await page.waitForSelector('#e-add');
}

async function makeKey(page, { name, user, s3 }) {
  if (name) await page.fill('#f-name', name);
  if (user) await page.fill('#f-user', user);
  if (s3) await page.check('#f-s3');
  if (name) await page.check('#new-key input[name=permission][value=read]');
  await Promise.all([page.waitForEvent('load'), page.click('#new-key footer button.primary')]);
}

async function confirmWrongly(page) {
  await page.fill('#f-password', 'not the password');
  await Promise.all([page.waitForEvent('load'), page.click('#confirm footer button')]);
}

async function signInByPassword(page) {
  await page.fill('#username', 'admin');
  await page.fill('#password', PASSWORD);
  await Promise.all([page.waitForEvent('load'), page.click('button.primary')]);
}

// The pages about users, groups and sites.
export function people(server, acting) {
  const { users, groups, sites, storages, keys } = server;
  const all = [
    { name: 'users', path: '/users' },
    { name: 'users-none', path: '/users?q=nobody' },
    { name: 'user', path: `/users/${users.carla}` },
    { name: 'user-invited', path: `/users/${users.dora}` },
    { name: 'user-disabled', path: `/users/${users.emil}` },
    { name: 'user-long', path: `/users/${users.long}` },
    { name: 'invite', path: '/users/invite' },
    { name: 'api-keys', path: '/api-keys' },
    { name: 'api-keys-menu', path: '/api-keys', open: (page) => openMenu(page) },
    { name: 'api-keys-none', path: '/api-keys?q=nothing+like+this' },
    { name: 'api-key', path: `/api-keys/${keys.robot}` },
    { name: 'api-key-long', path: `/api-keys/${keys.long}` },
    { name: 'api-key-off', path: `/api-keys/${keys.rtl}` },
    { name: 'api-key-wrong', path: `/api-keys/${keys.long}`, open: (page) => spoil(page) },
    { name: 'api-key-generate', path: `/api-keys/${keys.robot}/generate` },
    { name: 'api-key-delete', path: `/api-keys/${keys.robot}/delete` },
    { name: 'api-key-new', path: '/api-keys/new' },
    { name: 'api-key-new-wrong', path: '/api-keys/new', open: (page) => makeKey(page, { user: 'nobody' }) },
    { name: 'api-key-shown', path: '/api-keys/new', open: (page) => makeKey(page, { name: 'Laptop', s3: true }) },
    { name: 'invite-wrong', path: '/users/invite', open: (page) => invite(page, 'admin') },
    { name: 'invitation', path: '/users/invite', open: (page) => invite(page, `guest-${Date.now()}`) },
    { name: 'join', path: '/join', signedOut: true },
    { name: 'join-wrong', path: '/join#not-a-code', signedOut: true, open: joinWrongly },
    { name: 'groups', path: '/groups' },
    { name: 'group', path: `/groups/${groups.editors}` },
    { name: 'group-long', path: `/groups/${groups.long}` },
    { name: 'sharing', path: `/connections/${storages.photos}#people` },
    { name: 'sites', path: '/sites' },
    { name: 'sites-menu', path: '/sites', open: openSites },
    { name: 'site', path: `/sites/${sites.north}` },
    { name: 'site-new', path: `/sites/new?parent=${sites.agency}` },
    { name: 'security', path: '/security' },
    { name: 'activity', path: '/activity' },
    { name: 'knocks', path: '/knocks' },
  ];
  const below = [
    { name: 'acting-connections', path: '/connections' },
    { name: 'acting-security', path: '/security' },
    { name: 'acting-groups-empty', path: '/groups' },
  ];
  return [...all.map((one) => ({ server, ...one })), ...below.map((one) => ({ server: acting, ...one }))];
}

async function invite(page, username) {
  await page.fill('#f-username', username);
  await Promise.all([page.waitForEvent('load'), page.click('#invite button.primary')]);
}

async function joinWrongly(page) {
  await page.fill('#f-new', 'seven green bottles');
  await page.fill('#f-repeat', 'seven green bottles');
  await Promise.all([page.waitForEvent('load'), page.click('#join button.primary')]);
  await page.waitForSelector('#faults');
}

async function openSites(page) {
  // On a narrow screen the sidebar comes first.
  const toggle = page.locator('.nav-toggle');
  if (await toggle.isVisible()) await toggle.click();
  await page.click('button.site-switch');
  await page.waitForSelector('#site-menu:popover-open');
}

// A connection to the bucket outside, made by whoever asks first.
async function connected(server) {
  const { endpoint, bucket, accessKey, secret } = server.bucket;
  const body = { name: 'At a provider', provider: 's3', endpoint, bucket: `${bucket}/photos/`, share_bucket: true, access_key_id: accessKey, secret_access_key: secret };
  server.remote ??= server.call('POST', '/storages', body);
  return server.remote;
}

async function testConnection(page, server) {
  await toProvider(page, 'Backups');
  await fillIn(page, { ...server.bucket, bucket: `${server.bucket.bucket}/elsewhere/`, secret: 'not the secret' });
  await test(page);
}

async function findFiles(page, outside) {
  await toProvider(page, 'Backups');
  await fillIn(page, { ...outside.bucket, bucket: `${outside.bucket.bucket}/photos/` });
  const next = () => Promise.all([page.waitForEvent('load'), page.click('#wizard footer button.primary')]);
  await next();
  // Another connection leads there already; then it is asked for once more.
  if (await page.locator('[name=share]').count()) {
    await page.check('[name=share]');
    await next();
  }
  await page.waitForURL('**/connections/new/existing**');
}

async function signInWrongly(page) {
  await page.fill('#username', 'admin');
  await page.fill('#password', 'not the password');
  await page.click('button[type=submit]');
  await page.waitForSelector('[role=alert]');
}

async function openMenu(page) {
  await page.locator('#list tbody [data-menu]').nth(1).click();
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

// Until nothing fades or slides any more, two frames in a row; two seconds at the most, since something may turn for ever.
export const settled = (page) =>
  page.evaluate(async () => {
    const end = performance.now() + 2_000;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let still = 0; still < 2 && performance.now() < end; still += 1) {
      await frame();
      if (document.getAnimations().some((animation) => animation.playState === 'running')) still = -1;
    }
  });
