// The list's menus, and keys for whoever does without a mouse.

// One menu for all rows: a row's link opens it instead of leading to the connection, where everything in it is too.
let opener;
let closed = 0;
function rowMenu() {
  const there = document.getElementById('menu');
  if (there) return there;
  document.getElementById('main').append(document.getElementById('row-menu').content.cloneNode(true));
  const menu = document.getElementById('menu');
  menu.addEventListener('beforetoggle', (e) => {
    opener?.setAttribute('aria-expanded', e.newState === 'open');
    if (e.newState === 'closed') closed = performance.now();
  });
  return menu;
}
function announce() {
  for (const link of document.querySelectorAll('[data-menu]')) {
    link.role = 'button';
    link.ariaHasPopup = 'menu';
    link.ariaExpanded = 'false';
  }
}
document.addEventListener('portcullis:swap', announce);
announce();

document.addEventListener('click', (e) => {
  const link = e.target.closest?.('[data-menu]');
  if (!link || e.metaKey || e.ctrlKey || e.shiftKey || !link.showPopover) return;
  e.preventDefault();
  // The press that ended here has closed the menu already; a key (no `detail`) has not.
  if (e.detail && opener === link && performance.now() - closed < 250) return;
  opener = link;
  const menu = rowMenu();
  for (const item of menu.querySelectorAll('a')) item.href = link.getAttribute('href') + item.dataset.to;
  menu.showPopover({ source: link });
});

// Single keys can be switched off: whoever speaks to the computer would press them by accident.
const stored = (value) => {
  try { return value ? localStorage.setItem('keys', value) : localStorage.getItem('keys'); } catch { return null; }
};
const single = document.getElementById('single-keys');
if (single) {
  single.checked = stored() !== 'off';
  single.addEventListener('change', () => stored(single.checked ? 'on' : 'off'));
}
document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const at = e.target;
  if (e.key === ' ' && at.matches?.('[data-menu]')) { e.preventDefault(); at.click(); return; }
  const menu = at.closest?.('.menu');
  const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (menu && step) {
    e.preventDefault();
    const items = [...menu.querySelectorAll('a, button')];
    items.at((items.indexOf(at) + step) % items.length).focus();
    return;
  }
  if (stored() === 'off' || at.closest?.('input, select, textarea, dialog, pre')) return;
  const target = e.key.length === 1 && document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
  if (!target) return;
  e.preventDefault();
  if (target.matches('input')) { target.focus(); target.select(); } else target.click();
});
