// Chromium, watched: whatever a page complains of or asks of others is a failure of the test that opened it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { PICTURES, browserPath, chromium } from './tools.mjs';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
  // Nothing but this machine can be reached, so a request elsewhere shows at once.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

export const launch = (...more) =>
  chromium.launch({
    executablePath: browserPath(),
    headless: true,
    args: [...FLAGS, ...more],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8' },
  });

// Runs in every page before its own scripts.
function watchPage() {
  window.layoutShift = 0;
  document.addEventListener('securitypolicyviolation', (e) =>
    console.error(`policy: ${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile ?? ''}:${e.lineNumber ?? ''}`),
  );
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}

let failures = 0;

// One visitor with a profile of their own. `use` gets the page; afterwards nothing may have been complained of.
export async function visit(browser, server, options, use) {
  const { width = 1440, height = 1000, theme = 'light', js = true, cookie, bypassCSP = false, clipboard = false, scale = 1 } = options;
  const context = await browser.newContext({
    baseURL: server.web,
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: theme,
    reducedMotion: 'reduce',
    javaScriptEnabled: js,
    bypassCSP,
    permissions: clipboard ? ['clipboard-read', 'clipboard-write'] : [],
  });
  context.setDefaultTimeout(15_000);
  const complaints = watch(context, server, options.elsewhere);
  if (js) await context.addInitScript(watchPage);
  if (cookie) await context.addCookies([cookie]);
  const page = await context.newPage();
  try {
    const result = await use(page, complaints);
    assert.deepEqual(complaints, [], 'the browser complained');
    return result;
  } catch (error) {
    const picture = path.join(PICTURES, `failed-${(failures += 1)}.png`);
    await page.screenshot({ path: picture }).catch(() => {});
    error.stack += `\nat ${page.url()}, picture: ${picture}`;
    throw error;
  } finally {
    await context.close();
  }
}

// `elsewhere` is another site that the test leads to.
function watch(context, server, elsewhere) {
  const complaints = [];
  context.on('console', (message) => {
    const text = message.text();
    // The browser calls a page with status 404, 409 or 422 an error; that is for the tests to judge.
    if (message.type() === 'error' && !/^Failed to load resource: .* status of 4(03|04|09|22|29)/.test(text)) complaints.push(`console: ${text}`);
    else if (/Content.Security.Policy|Trusted ?(Type|HTML|Script)/i.test(text)) complaints.push(`policy: ${text}`);
  });
  context.on('weberror', (error) => complaints.push(`script: ${error.error().message}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && ![server.web, elsewhere].includes(url.origin)) complaints.push(`request to others: ${url}`);
  });
  context.on('response', (response) => {
    const path = new URL(response.url()).pathname;
    if (response.status() >= 500 || (path.startsWith('/assets/') && response.status() >= 400)) complaints.push(`${response.status()} for ${path}`);
  });
  context.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${why}`);
  });
  return complaints;
}
