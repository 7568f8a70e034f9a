// The panel in a real browser against the real server. One line per test, a sum at the end, exit code 1 if one failed.
//
//   node tests/browser/run.mjs             all of them
//   node tests/browser/run.mjs axe copy    those whose name holds one of these words
import fs from 'node:fs';
import path from 'node:path';
import { launch } from './harness/browser.mjs';
import { PICTURES } from './harness/tools.mjs';
import { World } from './harness/world.mjs';

// Pictures come early: what other tests make would be in them. The provider's tests want a place that no page has connected yet.
const SUITES = ['first_use', 'provider', 'pictures', 'session', 'sign_in', 'identity', 'list', 'wizard', 'credentials', 'details', 'channels', 'people', 'links', 'sync', 'markup', 'layout', 'axe', 'budgets'];

fs.mkdirSync(PICTURES, { recursive: true });
for (const old of fs.readdirSync(PICTURES)) if (old.startsWith('failed-')) fs.rmSync(path.join(PICTURES, old));

const words = process.argv.slice(2);
const wanted = (name) => words.length === 0 || words.some((word) => name.includes(word));
const failed = [];
let passed = 0;

async function run(name, test, world) {
  const begun = performance.now();
  try {
    const figures = await test(world);
    passed += 1;
    console.log(`   ok   ${name}${figures ? `: ${figures}` : ''} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed.push(name);
    console.log(` FAILED ${name}\n        ${(error.stack ?? String(error)).split('\n').slice(0, 80).join('\n        ')}`);
  }
}

const world = new World(await launch());
try {
  for (const suite of SUITES) {
    const { default: tests } = await import(`./suites/${suite}.mjs`);
    for (const [name, test] of Object.entries(tests)) if (wanted(name)) await run(name, test, world);
  }
} finally {
  await world.end();
}
console.log(`browser tests: ${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 && passed > 0 ? 0 : 1;
