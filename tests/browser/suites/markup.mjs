// What the server sends: valid HTML on every page that a link leads to, and nothing from elsewhere.
import assert from 'node:assert/strict';
import { HtmlValidate } from '../harness/tools.mjs';
import { nothing } from '../harness/nothing.mjs';
import { pages, show } from '../harness/pages.mjs';

const RULES = {
  extends: ['html-validate:recommended', 'html-validate:a11y'],
  rules: {
    // The form is a matter of taste, and smaller without.
    'void-style': 'off',
    'no-trailing-whitespace': 'off',
    'attribute-boolean-style': 'off',
    'attribute-empty-style': 'off',
    'long-title': 'off',
    // Each row of the networks has the same fields; the server takes them in their order.
    'form-dup-name': 'off',
    // Every style of ours is in the stylesheet.
    'no-inline-style': 'error',
  },
};

const MOST = 600;

const redirects = (status) => status >= 300 && status < 400;

// Every page that can be come to by links from `/`, as `[path, html]`.
async function crawl(server, token) {
  const queue = ['/'];
  const seen = new Set(queue);
  const found = [];
  while (queue.length > 0) {
    const path = queue.shift();
    const { status, headers, html } = await server.page(path, token);
    const links = [...html.matchAll(/<a\b[^>]*?\shref="([^"]*)"/g)].map(([, href]) => href.replaceAll(/&(amp|#38);/g, '&'));
    const next = redirects(status) ? [headers.get('location')] : links;
    assert.ok(status < 400, `${path}: ${status}`);
    // A file to be saved is no page.
    if (!redirects(status) && !headers.get('content-type').startsWith('text/html')) continue;
    if (status === 200) found.push([path, html]);
    for (const href of next) {
      const url = new URL(href, new URL(path, server.web));
      const there = url.pathname + url.search;
      if (url.origin !== server.web || url.pathname.startsWith('/assets/') || url.pathname.startsWith('/api/') || seen.has(there)) continue;
      seen.add(there);
      queue.push(there);
    }
    assert.ok(seen.size <= MOST, `more than ${MOST} addresses; is there a link that always leads to a new one? ${[...seen].slice(-5)}`);
  }
  return found;
}

async function faults(validator, name, html) {
  const report = await validator.validateString(html, name);
  return report.results.flatMap(({ messages }) => messages.map(({ ruleId, line, column, message }) => `${name}:${line}:${column} ${ruleId}: ${message}`));
}

export default {
  async html_is_valid(world) {
    const server = await world.filled();
    const validator = new HtmlValidate(RULES);
    const told = [];
    const crawled = await crawl(server);
    assert.ok(crawled.length > 10, 'the crawl came around');
    for (const [path, html] of crawled) told.push(...(await faults(validator, path, html)));
    const empty = await world.empty();
    for (const [path, html] of await crawl(empty)) told.push(...(await faults(validator, `empty ${path}`, html)));
    // What only a form leads to: the last whole page that was sent.
    const others = (await pages(world)).filter(({ path, open }) => open || !crawled.some(([seen]) => seen === path));
    for (const one of others) {
      await world.visit(one.server, { signedOut: one.signedOut }, async (page) => {
        let sent;
        page.on('response', (response) => {
          if (response.request().isNavigationRequest() && response.status() !== 303) sent = response.text();
        });
        await show(page, one);
        told.push(...(await faults(validator, one.name, await sent)));
      });
    }
    nothing(told);
    return `${crawled.length} pages by links, ${others.length} by forms`;
  },

  async no_third_party_requests(world) {
    let requests = 0;
    const places = new Set();
    for (const one of await pages(world)) {
      await world.visit(one.server, { signedOut: one.signedOut }, async (page) => {
        page.on('request', (request) => {
          requests += 1;
          const { origin } = new URL(request.url());
          if (origin !== one.server.web) places.add(origin);
        });
        await show(page, one);
        const html = await page.content();
        const foreign = [...html.matchAll(/\s(?:src|href|action|poster|srcset)="(https?:)?\/\/([^"/]*)/g)].map(([, , host]) => host);
        assert.deepEqual(foreign, [], `${one.name} names another host`);
      });
    }
    places.delete('null');
    assert.ok(requests > 100);
    assert.deepEqual([...places], []);
    return `${requests} requests, all to the server itself`;
  },
};
