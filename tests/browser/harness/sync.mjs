// Storages that are brought together: plans, runs and jobs in every state that looks different.
import { LONG, MARKUP } from './seed.mjs';
import { Server } from './server.mjs';

const bytes = (text) => new TextEncoder().encode(text);
const STEP = 100;
const PATIENCE = 60_000;

// Asks until it is as wanted; what it is then.
export async function until(server, path, fits) {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const found = await server.call('GET', path);
    if (fits(found)) return found;
    if (performance.now() > end) throw new Error(`${path} stays as it is: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}

// Two storages with these files, by key.
export async function pairOf(server, names, here, there) {
  const made = [];
  for (const [at, name] of names.entries()) made[at] = (await server.call('POST', '/storages', { name, provider: 'builtin' })).id;
  for (const [at, files] of [here, there].entries()) {
    for (const [key, text] of Object.entries(files)) await server.put(made[at], key, typeof text === 'string' ? bytes(text) : text);
  }
  return { storage: made[0], bucket: made[1] };
}

// A plan that can be run.
export async function planOf(server, { storage, bucket }, terms = {}) {
  const plan = await server.call('POST', `/storages/${storage}/sync-plans`, { with: { storage: bucket }, mode: 'two_way', ...terms });
  return until(server, `/sync-plans/${plan.id}`, ({ state }) => state !== 'planning');
}

// A run that is over.
export async function runOf(server, plan, terms = {}) {
  const run = await server.call('POST', `/sync-plans/${plan.id}/run`, terms);
  return until(server, `/sync-runs/${run.id}`, ({ state }) => ['done', 'partial', 'cancelled', 'failed'].includes(state));
}

const numbered = (count, text) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`2027/${String(at + 1).padStart(3, '0')} picture.jpg`, `${text} ${at}`]));

// Something is under way for as long as somebody looks.
export async function slow(server, names) {
  const pair = await pairOf(server, names, Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`take ${at}.wav`, new Uint8Array(60_000)])), {});
  const plan = await planOf(server, pair);
  const run = await server.call('POST', `/sync-plans/${plan.id}/run`, { bytes_per_second: 60_000, in_flight: 1 });
  await until(server, `/sync-runs/${run.id}`, ({ files_done: done, state }) => state === 'running' && done > 0);
  return { ...run, pair };
}

export async function synced() {
  const server = await Server.start();
  const conflicts = { ...numbered(60, 'of the studio'), [MARKUP]: 'one', [`${'a/long/way/'.repeat(30)}${LONG}`]: 'here', 'both.txt': 'the same' };
  const pictures = await pairOf(server, ['Studio pictures', 'Archive at the provider'], conflicts, { ...numbered(5, 'of the archive, longer'), [MARKUP]: 'another', 'both.txt': 'the same', 'only there.txt': 'there' });
  const plan = await planOf(server, pictures);
  const rule = { reason: 'conflict_new_new', prefix: '2027/001', choice: 'storage' };
  await server.call('PUT', `/sync-plans/${plan.id}/choices`, { choices: [rule, { key: MARKUP, choice: 'bucket' }] });

  const invoices = await pairOf(server, ['Invoices', LONG], { 'may.pdf': 'ours', 'june.pdf': 'of june' }, { 'may.pdf': 'theirs, longer' });
  const finished = await runOf(server, await planOf(server, invoices, { conflicts: 'storage' }));
  const back = await server.call('POST', `/sync-runs/${finished.id}/restore`, {});
  await until(server, `/sync-plans/${back.id}`, ({ state }) => state !== 'planning');

  const drop = await pairOf(server, ['Drop', 'Copy of the drop'], numbered(12, 'dropped'), {});
  await runOf(server, await planOf(server, drop));
  for (const key of Object.keys(numbered(12, ''))) await server.remove(drop.storage, key);
  const side = { storage: drop.storage, with: { storage: drop.bucket } };
  const job = await server.call('POST', '/sync-jobs', { name: 'Nightly copy of the drop', ...side, mode: 'two_way', schedule: { cron: '15 2 * * *', zone: 'Europe/Berlin' } });
  await server.call('POST', `/sync-jobs/${job.id}/run`, {});
  const stopped = await until(server, `/sync-jobs/${job.id}`, ({ state }) => state === 'stopped');
  const waiting = await server.call('POST', '/sync-jobs', { name: MARKUP, storage: pictures.storage, with: { storage: pictures.bucket }, mode: 'copy', schedule: { cron: '0 * * * *', zone: 'UTC' } });

  const failed = await server.call('POST', `/storages/${drop.storage}/sync-plans`, { with: { storage: invoices.bucket }, mode: 'copy' });
  const running = await slow(server, ['Recordings', 'Recordings, second copy']);
  await server.call('POST', `/sync-runs/${running.id}/pause`, {});
  await until(server, `/sync-runs/${running.id}`, ({ state }) => state === 'paused');
  return Object.assign(server, { pictures, plan, finished, back, stopped, waiting, failed, paused: running });
}

// The pages about them.
export function syncPages(server) {
  const plan = `/sync/plans/${server.plan.id}`;
  const all = [
    { name: 'sync', path: '/sync' },
    { name: 'sync-jobs', path: '/sync?list=jobs' },
    { name: 'sync-new', path: `/sync/new?storage=${server.pictures.storage}` },
    { name: 'sync-new-wrong', path: '/sync/new', open: (page) => sendWrongly(page, '#new-plan') },
    { name: 'sync-plan', path: plan },
    { name: 'sync-plan-conflicts', path: `${plan}?reason=conflict_new_new` },
    { name: 'sync-plan-none', path: `${plan}?q=nothing+like+this` },
    { name: 'sync-plan-guarded', path: `/sync/plans/${server.stopped.last_plan}` },
    { name: 'sync-plan-refused', path: `/sync/plans/${server.stopped.last_plan}`, open: (page) => Promise.all([page.waitForEvent('load'), page.click('#apply footer button')]) },
    { name: 'sync-plan-restore', path: `/sync/plans/${server.back.id}` },
    { name: 'sync-run', path: `/sync/runs/${server.finished.id}` },
    { name: 'sync-run-failed-none', path: `/sync/runs/${server.finished.id}?state=failed` },
    { name: 'sync-run-paused', path: `/sync/runs/${server.paused.id}` },
    { name: 'sync-kept', path: '/sync/kept' },
    { name: 'sync-kept-none', path: '/sync/kept?q=nothing+like+this' },
    { name: 'sync-job-new', path: '/sync/jobs/new' },
    { name: 'sync-job-wrong', path: '/sync/jobs/new', open: (page) => sendWrongly(page, '#new-job') },
    { name: 'sync-job', path: `/sync/jobs/${server.waiting.id}` },
    { name: 'sync-job-stopped', path: `/sync/jobs/${server.stopped.id}` },
    { name: 'delete-builtin', path: `/connections/${server.pictures.storage}/delete` },
  ];
  return all.map((one) => ({ server, ...one }));
}

async function sendWrongly(page, form) {
  await page.fill('#f-prefix', 'photos/');
  await page.evaluate(() => document.querySelectorAll('details').forEach((part) => { part.open = true; }));
  await page.fill('#f-budget', 'lots');
  await page.fill('#f-percent', 'x');
  await Promise.all([page.waitForEvent('load'), page.click(`${form} footer button.primary`)]);
}
