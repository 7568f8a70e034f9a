// Where the tools are that this test needs, and what to say if one is missing.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const BINARY = process.env.PORTCULLIS_BINARY ?? path.join(ROOT, 'target/debug/portcullis');
export const PICTURES = path.join(ROOT, 'target/screenshots');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const missing = (what, how) => new Error(`${what} is not here; ${how} (scripts/test does it)`);
const fromNpm = createRequire(path.join(ROOT, 'target/tools/npm/package.json'));
const need = (name) => {
  try {
    return fromNpm(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw missing(`the npm package ${name}`, 'install it into target/tools/npm');
  }
};

export const { chromium } = need('playwright-core');
export const { HtmlValidate } = need('html-validate');
export const AXE = fs.readFileSync(fromNpm.resolve('axe-core/axe.min.js'), 'utf8');

export function browserPath() {
  if (!fs.existsSync(CHROMIUM)) throw missing(CHROMIUM, 'on Debian: apt-get install chromium');
  return CHROMIUM;
}

export function binaryPath() {
  if (!fs.existsSync(BINARY)) throw missing(BINARY, 'build it with: cargo build -p portcullis');
  return BINARY;
}

// The first rclone in the PATH, and the one that scripts/test installs.
export function rclones() {
  const own = path.join(ROOT, 'target/tools/venv/bin/rclone');
  const found = ['/usr/bin/rclone', own].filter((file) => fs.existsSync(file));
  if (found.length === 0) throw missing('rclone', 'on Debian: apt-get install rclone');
  return found;
}
