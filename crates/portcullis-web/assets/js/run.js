// <div id="run" data-events="…" data-state="…">: the server tells when a run has moved on, and what shows it is fetched anew. A stream that
// breaks off is taken up again by the browser.
import { swap } from './fragment.js';

let source;
function fresh(targets) {
  const there = new URL(location);
  // What was done was said.
  there.searchParams.delete('done');
  swap(there, { targets });
}
function follow() {
  const events = document.querySelector('[data-events]')?.dataset.events;
  if (source?.at === events) return;
  source?.close();
  source = events && Object.assign(new EventSource(events), { at: events });
  source?.addEventListener('progress', ({ data }) => {
    const { state, wish } = JSON.parse(data);
    const same = document.getElementById('run').dataset.state === `${state} ${wish}`;
    fresh(same ? ['#progress', '#result'] : ['#run']);
  });
}
document.addEventListener('portcullis:swap', follow);
follow();
