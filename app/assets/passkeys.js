(() => {
  'use strict';
  const form = document.getElementById('passkey-form');
  if (!form || !window.PublicKeyCredential) return;
  const button = document.getElementById('passkey');
  const failed = document.getElementById('passkey-failed');
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const publicKey = JSON.parse(form.dataset.options).publicKey;
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const known of [...(publicKey.excludeCredentials || []), ...(publicKey.allowCredentials || [])]) {
    known.id = bytes(known.id);
  }
  const send = ({ id, rawId, type, response: given }) => {
    const response = { clientDataJSON: text(given.clientDataJSON) };
    if (given.attestationObject) {
      response.attestationObject = text(given.attestationObject);
      if (given.getTransports) response.transports = given.getTransports();
    } else {
      response.authenticatorData = text(given.authenticatorData);
      response.signature = text(given.signature);
      response.userHandle = given.userHandle ? text(given.userHandle) : null;
    }
    const answer = { id, rawId: text(rawId), type, response, extensions: {} };
    form.elements.answer.value = JSON.stringify(answer);
    form.submit();
  };
  // The offer among the browser's suggestions waits until somebody takes it, or presses the button.
  let waiting = null;
  const ask = (options) => {
    if (waiting) waiting.abort();
    waiting = new AbortController();
    const call = { publicKey, signal: waiting.signal, ...options };
    return publicKey.user ? navigator.credentials.create(call) : navigator.credentials.get(call);
  };
  button.hidden = false;
  button.addEventListener('click', (event) => {
    event.preventDefault();
    failed.hidden = true;
    ask({}).then(send, () => { failed.hidden = false; });
  });
  const suggests = PublicKeyCredential.isConditionalMediationAvailable;
  if (form.dataset.suggest && suggests) {
    suggests.call(PublicKeyCredential).then((can) => {
      if (can) ask({ mediation: 'conditional' }).then(send, () => {});
    });
  }
})();
