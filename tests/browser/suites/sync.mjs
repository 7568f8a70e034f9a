// Two storages brought together in a browser: plan, override, run, progress, and back.
import assert from 'node:assert/strict';
import { pairOf, slow, until } from '../harness/sync.mjs';

const loaded = (page, click) => Promise.all([page.waitForEvent('load'), page.click(click)]);

const FILES = [{ 'both.txt': 'the same', 'here.txt': 'from here', 'other.txt': 'mine, longer' }, { 'both.txt': 'the same', 'there.txt': 'from there', 'other.txt': 'theirs' }];

async function text(server, storage, key) {
  const answer = await fetch(`${server.web}/api/v1/storages/${storage}/file?key=${encodeURIComponent(key)}`, { headers: { authorization: `Bearer ${await server.signIn('admin', server.password)}` } });
  return answer.ok ? answer.text() : null;
}

// Fills in the form for a plan and waits until the plan is there.
async function plan(page, { storage, bucket }, js) {
  await page.goto(`/sync/new?storage=${storage}`);
  await page.selectOption('#f-with', bucket);
  await loaded(page, '#new-plan footer button.primary');
  if (js) return page.waitForSelector('#apply button', { timeout: 60_000 });
  for (let tries = 0; tries < 300 && (await page.locator('#apply button').count()) === 0; tries += 1) await loaded(page, '#plan .empty a');
  return null;
}

async function there_and_back(world, js) {
  const server = await world.synced();
  const pair = await pairOf(server, [`Here ${js}`, `There ${js}`], ...FILES);
  await world.visit(server, { js }, async (page) => {
    await plan(page, pair, js);
    assert.match(await page.textContent('#n-conflicts'), /1/);
    assert.match(await page.textContent('#list'), /Conflict: both have it/);
    await page.selectOption('#list select[name="k.other.txt"]', 'storage');
    await loaded(page, '#list .table-foot > button');
    assert.equal((await page.textContent('#apply footer button')).trim(), 'Apply 3 changes, overwrite 1');
    await loaded(page, '#apply footer button');
    assert.match(page.url(), /\/sync\/runs\//);
    if (js) await page.waitForSelector('#back button', { timeout: 60_000 });
    else for (let tries = 0; tries < 300 && (await page.locator('#back').count()) === 0; tries += 1) await loaded(page, '#progress footer a');
    assert.equal(await page.textContent('#state'), 'Done');
    assert.equal(await text(server, pair.bucket, 'other.txt'), 'mine, longer');
    await loaded(page, '#back button');
    if (js) await page.waitForSelector('#apply button', { timeout: 60_000 });
    else for (let tries = 0; tries < 300 && (await page.locator('#apply button').count()) === 0; tries += 1) await loaded(page, '#plan .empty a');
    await loaded(page, '#apply footer button');
    const run = new URL(page.url()).pathname.split('/').pop();
    await until(server, `/sync-runs/${run}`, ({ state }) => state === 'done');
    assert.equal(await text(server, pair.bucket, 'other.txt'), 'theirs');
    assert.equal(await text(server, pair.storage, 'there.txt'), null);
  });
}

export default {
  sync_plan_lists_conflicts_before_apply: (world) => there_and_back(world, true),

  sync_works_without_a_script: (world) => there_and_back(world, false),

  async a_run_is_followed_while_it_is_looked_at(world) {
    const server = await world.synced();
    const run = await slow(server, ['Long recordings', 'Long recordings, copy']);
    await world.visit(server, {}, async (page) => {
      await page.goto(`/sync/runs/${run.id}`);
      const figures = () => page.locator('#progress .posture strong').first().textContent();
      const before = await figures();
      await page.waitForFunction((old) => document.querySelector('#progress .posture strong')?.textContent !== old, before, { timeout: 30_000 });
      await page.focus('#pause');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#resume', { timeout: 30_000 });
      await page.waitForFunction(() => document.getElementById('state').textContent === 'Paused', null, { timeout: 30_000 });
      await loaded(page, '#resume');
      await loaded(page, '#cancel');
      await page.waitForSelector('#back', { timeout: 30_000 });
      assert.equal(await page.textContent('#state'), 'Cancelled');
    });
  },
};
