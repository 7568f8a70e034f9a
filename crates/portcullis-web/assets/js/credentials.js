// One-time credentials: shown above the page until the box is ticked, and gone afterwards.
import { toast } from './fragment.js';

// A form that makes keys is sent once: the answer to a second click would take the place of the one with the secret.
const forms = document.querySelectorAll('form[data-once]');
for (const form of forms) form.addEventListener('submit', (e) => {
  if ('sent' in form.dataset) e.preventDefault();
  form.dataset.sent = '';
});
addEventListener('pageshow', (e) => { if (e.persisted && forms.length) location.reload(); });

const dialog = document.querySelector('dialog#credentials');
if (dialog) {
  const gate = dialog.querySelector('#stored');
  const go = dialog.querySelector('#continue');
  const form = gate.form;
  const refuse = () => {
    document.getElementById('toasts').replaceChildren();
    toast(dialog.dataset.refusal);
    gate.focus();
  };
  let left = false;
  const leave = () => { left = true; dialog.remove(); };
  // Without a close event, unlike close().
  dialog.removeAttribute('open');
  dialog.showModal();
  // Messages have to be above the page as well.
  dialog.append(document.getElementById('toasts'));
  // Browsers keep what was ticked across a reload.
  gate.checked = false;
  go.disabled = true;
  gate.addEventListener('change', () => { go.disabled = !gate.checked; });
  // closedby="none" is the rule; this is for browsers without it. A second Escape closes in spite of a prevented cancel event,
  // so closing opens it again.
  dialog.addEventListener('keydown', (e) => { if (e.key === 'Escape') { e.preventDefault(); refuse(); } });
  dialog.addEventListener('cancel', (e) => { e.preventDefault(); });
  dialog.addEventListener('close', () => { if (!left) { dialog.showModal(); refuse(); } });
  addEventListener('beforeunload', (e) => { if (!left) e.preventDefault(); });
  // In place of this page, so that Back leads to the one before.
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    const next = form.action;
    leave();
    location.replace(next);
  });
  // A page that is kept for Back must not hold the secret.
  addEventListener('pagehide', leave);
  addEventListener('pageshow', (e) => { if (e.persisted) location.replace(form.action); });
}
