// A row that was removed takes its button along; whoever works by keyboard goes on at the field for new ones.
document.addEventListener('portcullis:swap', (e) => {
  if (e.detail.targets.includes('#networks') && document.activeElement === document.body) document.getElementById('f-add')?.focus();
});
