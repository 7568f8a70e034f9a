// A bucket of another server, as a provider has it, and the page on which it is connected.
const NEXT = '#wizard footer button.primary[type=submit]';

export const FILES = ['report.txt', 'photos/one.bin', 'photos/two.bin'];

// A bucket with files; what somebody has to know who connects it.
export async function bucketWithFiles(provider) {
  const storage = await provider.call('POST', '/storages', { name: 'Archive', provider: 'builtin' });
  for (const file of FILES) await provider.put(storage.id, file, new TextEncoder().encode(`The text of ${file}\n`));
  const made = await provider.call('POST', '/keys', { name: 'Gateway', channel: 's3', scope: { storage: storage.id }, permission: 'read_write', networks: [] });
  return { endpoint: provider.s3.replace(/\/$/, ''), bucket: storage.bucket_name, accessKey: made.key.access_key, secret: made.secret };
}

// Goes to the provider's step of a new connection.
export async function toProvider(page, name, provider = 's3') {
  await page.goto('/connections/new');
  await page.fill('input[name=name]', name);
  await page.check(`input[name=provider][value=${provider}]`, { force: true });
  await Promise.all([page.waitForURL('**/connections/new/provider**'), page.click(NEXT)]);
}

// Fills in where the bucket is; what is given besides takes the place of what is right.
export async function fillIn(page, { endpoint, bucket, accessKey, secret }) {
  await page.fill('#f-endpoint', endpoint);
  await page.fill('#f-bucket', bucket);
  await page.fill('#f-access_key_id', accessKey);
  await page.fill('#f-secret_access_key', secret);
}

// Tests the connection; the steps as they are shown.
export async function test(page) {
  await Promise.all([page.waitForEvent('load'), page.click('button[name=op][value=test]')]);
  return page.locator('#probe-steps li').allInnerTexts();
}
