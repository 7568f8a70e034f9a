// One-time credentials: the dialog stays until the box is ticked, and its values are gone afterwards.
import { toast } from './fragment.js';

const dialog = document.getElementById('credentials');
if (dialog) {
  const gate = dialog.querySelector('#stored');
  const go = dialog.querySelector('#continue');
  const refuse = () => { toast(dialog.dataset.refusal); gate.focus(); };
  dialog.close();
  dialog.showModal();
  go.disabled = !gate.checked;
  gate.addEventListener('change', () => { go.disabled = !gate.checked; });
  // closedby="none" is the rule; this is for browsers without it. A second Escape closes in spite of a prevented cancel event,
  // so closing opens it again.
  dialog.addEventListener('keydown', (e) => { if (e.key === 'Escape') { e.preventDefault(); refuse(); } });
  dialog.addEventListener('cancel', (e) => e.preventDefault());
  let left = false;
  dialog.addEventListener('close', () => { if (!left) { dialog.showModal(); refuse(); } });
  addEventListener('beforeunload', (e) => { if (!left) e.preventDefault(); });
  dialog.querySelector('form').addEventListener('submit', () => { left = true; dialog.remove(); });
  // A page kept for the back button would still hold the secret.
  addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });
}
