// What every page has. Every page works without it: this only makes it quicker.
import { toast } from './fragment.js';
import './credentials.js';
import './join.js';
import './list.js';
import './networks.js';
import './passkey.js';
import './run.js';

// <button data-copy="#id" data-done="…" data-fallback="…">
document.addEventListener('click', async (e) => {
  const button = e.target.closest('[data-copy]');
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
  } catch {
    getSelection().selectAllChildren(source);
    toast(button.dataset.fallback);
    return;
  }
  button.dataset.copied = '';
  toast(button.dataset.done);
  setTimeout(() => delete button.dataset.copied, 2000);
});

// The theme: what the system says, until somebody chooses; remembered on this device.
document.getElementById('theme')?.addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try { localStorage.setItem('theme', root.dataset.theme); } catch { /* not remembered then */ }
});

document.querySelector('.nav-toggle')?.addEventListener('click', (e) => {
  const open = document.getElementById('sidebar').classList.toggle('open');
  e.currentTarget.setAttribute('aria-expanded', open);
});

// What is wrong comes first for whoever cannot see the page.
document.getElementById('faults')?.focus();
for (const shown of document.querySelectorAll('#toasts > *')) setTimeout(() => shown.remove(), 5000);
