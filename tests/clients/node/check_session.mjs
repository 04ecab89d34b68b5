// Runs the script of the check_session frame in a browser that is made of what it uses, sends it one
// message, and prints what it answers and to which origin.
import vm from 'node:vm';

const [name, cookie, origin, data, script] = process.argv.slice(2);

const listeners = [];
vm.runInNewContext(script, {
  addEventListener: (event, listener) => event === 'message' && listeners.push(listener),
  document: { cookie, body: { dataset: { cookie: name } } },
  crypto,
  TextEncoder,
  Uint8Array,
  btoa,
});

const source = { postMessage: (text, to) => console.log(JSON.stringify([text, to])) };
for (const listener of listeners) await listener({ data, origin, source });
