// Storages and keys that show what the panel can show.
const MB = 1_000_000;

export const LONG = `Quarterly measurements ${'of the northern test field, second series, '.repeat(5)}`.slice(0, 200);
export const MARKUP = '<b id="x">Not bold</b> & "quoted" \'name\' {{ 7 * 7 }}';
export const RIGHT_TO_LEFT = 'أرشيف الصور والوثائق';

// Does `work` for each, eight at a time.
export async function each(items, work) {
  const queue = [...items];
  const hand = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, hand));
}

// Name, quota and use in MB, settings, keys.
export const STORAGES = [
  {
    name: 'NAS backup',
    quota: 64,
    used: 61,
    keys: [{ name: 'Nightly backup', permission: 'write', networks: [] }],
  },
  {
    name: 'Photo archive',
    quota: 100,
    used: 41,
    files: 24,
    keys: [{ name: 'Photo desk', permission: 'read_write', networks: [{ network: '192.0.2.0/24', note: 'Studio' }, { network: '2001:db8:14::/48', note: 'Studio, IPv6' }] }],
  },
  {
    name: 'Invoices',
    quota: 50,
    used: 6,
    files: 12,
    keys: [{ name: 'Accounting', permission: 'read', networks: [{ network: '203.0.113.7', note: 'Accounting server' }], days: 19 }],
  },
  {
    name: 'Website media',
    quota: 24,
    used: 20,
    files: 40,
    networks: [{ network: '198.51.100.0/24', note: 'Hosting' }, { network: '127.0.0.1', note: 'This machine' }],
    keys: [
      { name: 'Upload from the editors', permission: 'read_write', networks: [] },
      { name: 'Web server', permission: 'read', networks: [] },
    ],
  },
  { name: 'Lab results', used: 2, s3_access: false, keys: [] },
  { name: 'Scratch space', keys: [{ name: 'Retired script', permission: 'none', networks: [] }] },
  { name: LONG, keys: [{ name: LONG, permission: 'read', networks: [] }] },
  { name: MARKUP, keys: [{ name: MARKUP, permission: 'read_write', networks: [{ network: '10.0.0.0/8', note: '<i>note</i>' }] }] },
  { name: RIGHT_TO_LEFT, keys: [{ name: RIGHT_TO_LEFT, permission: 'read', networks: [] }] },
];

// By name: `{ id, bucket, keys: [{ id, access_key, secret }] }`.
export async function fill(server, storages = STORAGES) {
  const seed = {};
  for (const { name, quota, used = 0, files = 4, keys, ...settings } of storages) {
    const made = await server.call('POST', '/storages', { name, provider: 'builtin', ...(quota && { quota_bytes: quota * MB }), ...settings });
    const one = { id: made.id, bucket: made.bucket_name, keys: [] };
    seed[name] = one;
    const numbers = Array.from({ length: used ? files : 0 }, (_, at) => at);
    await each(numbers, (at) => server.put(made.id, `folder ${at % 3}/file ${at}.bin`, new Uint8Array(Math.floor((used * MB) / files))));
    for (const { days, ...key } of keys) {
      const expires_at = days && new Date(Date.now() + days * 86_400_000).toISOString();
      const answer = await server.call('POST', '/keys', { channel: 's3', scope: { storage: made.id }, ...key, ...(days && { expires_at }) });
      one.keys.push({ id: answer.key.id, access_key: answer.key.access_key, secret: answer.secret });
    }
  }
  return seed;
}
