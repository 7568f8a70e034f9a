// The code of an invitation stands behind the # of its link: into the form with it, and out of the address.
const code = document.querySelector('#join #f-code');
if (code && location.hash.length > 1) {
  code.value = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  document.getElementById('f-new').focus();
}
