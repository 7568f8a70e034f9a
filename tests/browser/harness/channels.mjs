// Keys of the channels with folders: HTTP with WebDAV, FTP with SFTP.
export const CHOSEN = 'nine green lanterns on a pier';
export const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtGxJrDtmU3lmOz7oW5zYgvhV3fRB6yvQrP2qJ2mE5D ada@laptop';

const NEXT = '#new-key footer button.primary';
const go = (page, selector) => Promise.all([page.waitForEvent('load'), page.click(selector)]);

// The page before the deed, for a further key of a storage.
export async function review(page, storage, { name, channel, permission = 'read_write' }) {
  await page.goto(`/connections/${storage}/keys/new`);
  await page.fill('#f-name', name);
  await page.check(`input[name=channel][value=${channel}]`, { force: true });
  await page.check(`input[name=permission][value=${permission}]`, { force: true });
  await go(page, NEXT);
}

// Fills in user name and secret, and sends them.
export async function choose(page, { login, secret, again = secret, keys, form = '#new-key' }) {
  if (login) await page.fill('#f-login', login);
  if (secret) {
    await page.check('input[name=creds][value=chosen]', { force: true });
    await page.fill('#f-secret', secret);
    await page.fill('#f-secret_again', again);
  }
  if (keys) await page.fill('#f-public_keys', keys);
  await go(page, `${form} footer button.primary`);
}

// Two keys of this storage, made by whoever asks first: `{ ftp, http }`, each with its id.
export function keysOf(server, storage) {
  const scope = { storage };
  const make = async (body) => (await server.call('POST', '/keys', { scope, permission: 'read_write', ...body })).key.id;
  server.channelKeys ??= (async () => ({
    ftp: await make({ name: 'Scanner in the hall', channel: 'ftp', credentials: { user_name: 'scanner.hall' }, public_keys: [SSH] }),
    http: await make({ name: 'Network drive', channel: 'http', permission: 'read' }),
  }))();
  return server.channelKeys;
}

// A new key of a user, for one of the channels.
export async function userKey(page, { name, channel, ...own }) {
  await page.check(`input[name=channel][value=${channel}]`, { force: true });
  if (!name) return;
  await page.fill('#f-name', name);
  await page.check('#new-key input[name=permission][value=read]', { force: true });
  await choose(page, own);
}

let made = 0;

// Every page of theirs.
export function channelPages(storage, { ftp, http }) {
  const at = (key) => `/connections/${storage}/keys/${key}`;
  const unique = () => `scanner-${Date.now()}-${(made += 1)}`;
  const wrongly = (page) => choose(page, { login: 'a b', secret: CHOSEN, again: 'another', keys: 'ssh-rsa AAAA old' });
  return [
    { name: 'key-new-ftp', path: '/', open: (page) => review(page, storage, { name: 'Scanner', channel: 'ftp' }) },
    { name: 'key-new-ftp-wrong', path: '/', open: (page) => review(page, storage, { name: 'Scanner', channel: 'ftp' }).then(() => wrongly(page)) },
    { name: 'key-ftp-shown', path: '/', open: (page) => review(page, storage, { name: 'Scanner', channel: 'ftp' }).then(() => choose(page, { login: unique(), keys: SSH })) },
    { name: 'key-http-chosen', path: '/', open: (page) => review(page, storage, { name: 'Drive', channel: 'http' }).then(() => choose(page, { login: unique(), secret: CHOSEN })) },
    { name: 'key-ftp', path: at(ftp) },
    { name: 'key-ftp-wrong', path: at(ftp), open: (page) => page.fill('#f-public_keys', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA').then(() => go(page, '#public-keys footer button')) },
    { name: 'key-ftp-generate', path: `${at(ftp)}/generate` },
    { name: 'key-ftp-prove', path: `/keys/${ftp}/prove`, open: (page) => go(page, '#prove button.primary') },
    { name: 'key-http', path: at(http) },
    { name: 'api-key-new-ftp', path: '/api-keys/new', open: (page) => userKey(page, { channel: 'ftp' }) },
    { name: 'api-key-http-shown', path: '/api-keys/new', open: (page) => userKey(page, { name: 'Drive of mine', channel: 'http' }) },
    { name: 'api-keys-ftp', path: '/api-keys?channel=ftp' },
  ];
}
