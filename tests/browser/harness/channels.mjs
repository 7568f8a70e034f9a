// Keys of the channels with user names: HTTP with WebDAV, FTP with SFTP, the web service, mail.
export const CHOSEN = 'nine green lanterns on a pier';
export const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtGxJrDtmU3lmOz7oW5zYgvhV3fRB6yvQrP2qJ2mE5D ada@laptop';

const NEXT = '#new-key footer button.primary';
const go = (page, selector) => Promise.all([page.waitForEvent('load'), page.click(selector)]);

// The page before the deed, for a further key of a storage.
export async function review(page, storage, { name, channel, permission = 'read_write', more }) {
  await page.goto(`/connections/${storage}/keys/new`);
  await page.fill('#f-name', name);
  await page.check(`input[name=channel][value=${channel}]`, { force: true });
  await page.check(`input[name=permission][value=${permission}]`, { force: true });
  if (more) await more(page);
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

// A key of this storage for each of these channels, made by whoever asks first: `{ ftp, http, soap, mail }`, each with its id.
export function keysOf(server, storage) {
  const scope = { storage };
  const make = async (body) => (await server.call('POST', '/keys', { scope, permission: 'read_write', ...body })).key.id;
  server.channelKeys ??= (async () => ({
    ftp: await make({ name: 'Scanner in the hall', channel: 'ftp', credentials: { user_name: 'scanner.hall' }, public_keys: [SSH] }),
    http: await make({ name: 'Network drive', channel: 'http', permission: 'read' }),
    soap: await make({ name: 'Bookkeeping', channel: 'web-service' }),
    mail: await make({ name: 'Copier on the second floor', channel: 'email', permission: 'write', mail: { folder: 'subject', keep: ['text', 'message'], max_message: 25_000_000, per_hour: 60 } }),
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
export function channelPages(storage, { ftp, http, soap, mail }) {
  const at = (key) => `/connections/${storage}/keys/${key}`;
  const unique = () => `scanner-${Date.now()}-${(made += 1)}`;
  const wrongly = (page) => choose(page, { login: 'a b', secret: CHOSEN, again: 'another', keys: 'ssh-rsa AAAA old' });
  const rules = async (page) => {
    await page.check('input[name=mail_folder][value=subject]', { force: true });
    await page.check('input[name=keep_message]');
    await page.fill('#f-max_message', '25 MB');
  };
  const wrongRules = async (page) => {
    await page.fill('#f-max_message', 'much');
    await page.fill('#f-per_hour', '0');
  };
  return [
    { name: 'key-new-mail', path: `/connections/${storage}/keys/new?channel=email` },
    { name: 'key-new-mail-wrong', path: '/', open: (page) => review(page, storage, { name: 'Copier', channel: 'email', more: wrongRules }) },
    { name: 'key-new-mail-review', path: '/', open: (page) => review(page, storage, { name: 'Copier', channel: 'email', more: rules }) },
    { name: 'key-mail-shown', path: '/', open: (page) => review(page, storage, { name: 'Copier', channel: 'email', more: rules }).then(() => choose(page, {})) },
    { name: 'key-mail', path: at(mail) },
    { name: 'key-mail-wrong', path: at(mail), open: (page) => wrongRules(page).then(() => go(page, '#mail footer button')) },
    { name: 'key-mail-generate', path: `${at(mail)}/generate` },
    { name: 'key-soap', path: at(soap) },
    { name: 'key-soap-shown', path: '/', open: (page) => review(page, storage, { name: 'Bookkeeping', channel: 'web-service' }).then(() => choose(page, {})) },
    { name: 'api-key-new-mail', path: '/api-keys/new?channel=email' },
    { name: 'api-key-mail-shown', path: '/api-keys/new', open: (page) => userKey(page, { name: 'Inbox of mine', channel: 'email' }) },
    { name: 'api-keys-of-storages', path: '/api-keys' },
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
