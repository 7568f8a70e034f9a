// <button data-passkey="/where/to/ask" data-failed="…">: asks this browser for a passkey and sends its answer with the button's form.
// Where the server does not ask, the form goes as it is: the answer to it says why.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const known = (list) => list.map((one) => ({ ...one, id: bytes(one.id) }));

async function answer(button) {
  const res = await fetch(button.dataset.passkey, { method: 'POST', headers: { 'x-csrf-token': button.form.elements._csrf.value } });
  if (!res.ok) return {};
  const { options, state } = await res.json();
  options.challenge = bytes(options.challenge);
  if (options.user) {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = known(options.excludeCredentials);
    const { response } = await navigator.credentials.create({ publicKey: options });
    return { state, client_data: text(response.clientDataJSON), attestation: text(response.attestationObject) };
  }
  options.allowCredentials = known(options.allowCredentials);
  const { rawId, response } = await navigator.credentials.get({ publicKey: options });
  return {
    state,
    credential_id: text(rawId),
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
    user_handle: response.userHandle ? text(response.userHandle) : '',
  };
}

if (globalThis.PublicKeyCredential) for (const button of document.querySelectorAll('button[data-passkey]')) {
  const { form } = button;
  button.closest('[hidden]')?.removeAttribute('hidden');
  button.addEventListener('click', async (e) => {
    e.preventDefault();
    if (!button.formNoValidate && !form.reportValidity()) return;
    const note = button.parentElement.querySelector('[role=alert]');
    note.textContent = '';
    try {
      for (const [name, value] of Object.entries(await answer(button))) form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
      form.requestSubmit(button);
    } catch {
      note.textContent = button.dataset.failed;
    }
  });
}
